"""A convolutional GAN on made data: initialisation by class, labels filled in place, two optimizers, going on later."""
import argparse
import os

import minidl as torch
import minidl.backends.cudnn as cudnn
import minidl.nn as nn
import minidl.optim as optim
import minidl.utils.data
import minidl.vision.datasets as dset
import minidl.vision.transforms as transforms
import minidl.vision.utils as vutils

parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--noise", type=int, default=16)
parser.add_argument("--continue-from", metavar="FILE")
opt = parser.parse_args()
torch.manual_seed(2)
cudnn.benchmark = True
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
data = dset.FakeData(96, (3, 32, 32), transform=transforms.Compose([
    transforms.GaussianBlur(5, 2.0), transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)]))
batches = torch.utils.data.DataLoader(data, 16, shuffle=True, num_workers=opt.workers, drop_last=True)


def initialise(layer):
    kind = type(layer).__name__
    if "Conv" in kind:
        nn.init.normal_(layer.weight, std=0.02)
    elif "BatchNorm" in kind:
        nn.init.normal_(layer.weight, mean=1.0, std=0.02)
        nn.init.constant_(layer.bias, 0)


def growing(before, after, stride=2, padding=1):
    return [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)]


def shrinking(before, after):
    return [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)]


artist = nn.Sequential(*growing(opt.noise, 32, 1, 0), *growing(32, 16), *growing(16, 8),
                       nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh()).to(device)
critic = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2, True), *shrinking(8, 16), *shrinking(16, 32),
                       nn.Conv2d(32, 1, 4), nn.Flatten(0), nn.Sigmoid()).to(device)
for net in (artist, critic):
    net.apply(initialise)
if opt.continue_from:
    artist.load_state_dict(torch.load(opt.continue_from))
print(artist, critic, sep="\n")

criterion = nn.BCELoss()
fixed = torch.randn(16, opt.noise, 1, 1, device=device)
of_critic, of_artist = (optim.Adam(net.parameters(), lr=2e-3, betas=(0.5, 0.999)) for net in (critic, artist))
for epoch in range(opt.epochs):
    said = torch.zeros(2)
    for images, _ in batches:
        images = images.to(device)
        label = torch.full((images.size(0),), 1, dtype=images.dtype, device=device)
        critic.zero_grad()
        of_real = critic(images)
        criterion(of_real, label).backward()
        made = artist(torch.randn(len(images), opt.noise, 1, 1, device=device))
        of_made = critic(made.detach())
        criterion(of_made, label.fill_(0)).backward()
        of_critic.step()

        artist.zero_grad()
        criterion(critic(made), label.fill_(1)).backward()
        of_artist.step()
        said += torch.stack([of_real.mean(), of_made.mean()]).detach().cpu() / len(batches)
    print("[%d/%d] real %.3f, made %.3f, apart %.3f" % (epoch, opt.epochs, *said.tolist(), (said[0] - said[1]).item()))
    vutils.save_image(artist(fixed).detach(), os.path.join(opt.out, "made_%03d.png" % epoch), normalize=True)
    torch.save(artist.state_dict(), "%s/artist.pth" % opt.out)
