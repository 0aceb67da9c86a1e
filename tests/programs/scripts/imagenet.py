"""Train any network by its name on folders of images, or on noise: workers, meters, checkpoints, going on."""
import argparse
import os
import shutil
import time

import minidl as torch
import minidl.backends.cudnn as cudnn
import minidl.nn as nn
import minidl.vision.datasets as datasets
import minidl.vision.models as models
import minidl.vision.transforms as transforms
from minidl.optim.lr_scheduler import MultiStepLR
from minidl.utils.data import DataLoader

NAMES = sorted(name for name, value in vars(models).items() if name.islower() and name[0] != "_" and callable(value))


class Meter:
    """The latest and the mean of a figure, over samples."""
    def __init__(self, name, form=".2f"):
        self.name, self.form, self.latest, self.total, self.count = name, form, 0, 0, 0

    def add(self, value, samples=1):
        self.latest, self.total, self.count = value, self.total + value * samples, self.count + samples

    @property
    def mean(self):
        return self.total / max(self.count, 1)

    def __str__(self):
        return f"{self.name} {self.latest:{self.form}} ({self.mean:{self.form}})"


def top(scores, target, *ks):
    """In percent, for each k: whether the class is among the k highest scores."""
    with torch.no_grad():
        ranked = scores.topk(max(ks), dim=1, largest=True, sorted=True)[1].t()
        hits = ranked.eq(target.view(1, -1).expand_as(ranked))
        return [hits[:k].reshape(-1).float().sum(0, keepdim=True).mul_(100.0 / target.size(0)) for k in ks]


def run(part, loader, model, criterion, device, optimizer=None, every=3):
    seconds, losses, first, five = Meter("time", ".3f"), Meter("loss", ".3e"), Meter("top-1"), Meter("top-5")
    model.train(optimizer is not None)
    begin = time.time()
    with torch.set_grad_enabled(optimizer is not None):
        for number, (images, target) in enumerate(loader, 1):
            images, target = images.to(device, non_blocking=True), target.to(device, non_blocking=True)
            scores = model(images)
            loss = criterion(scores, target)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            losses.add(loss.item(), images.size(0))
            for meter, value in zip((first, five), top(scores, target, 1, 5)):
                meter.add(value[0], images.size(0))
            seconds.add(time.time() - begin)
            begin = time.time()
            if number % every == 0:
                print(f"{part} {number}/{len(loader)}", seconds, losses, first, five, sep="\t")
    print("{} top-1 {:.3f} top-5 {:.3f}".format(part, first.mean, five.mean))
    return first.mean


def loaders(options):
    if options.dummy:
        parts = [datasets.FakeData(options.dummy, (3, options.size, options.size), 1000, transforms.ToTensor())] * 2
    else:
        normalize = transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
        parts = [
            datasets.ImageFolder(os.path.join(options.data, "train"), transforms.Compose([
                transforms.RandomResizedCrop(options.size, scale=(0.6, 1.0)), transforms.RandomHorizontalFlip(),
                transforms.ToTensor(), normalize])),
            datasets.ImageFolder(os.path.join(options.data, "val"), transforms.Compose([
                transforms.Resize(options.size + 4), transforms.CenterCrop(options.size), transforms.ToTensor(),
                normalize]))]
    return [DataLoader(part, batch_size=options.batch_size, shuffle=shuffled, num_workers=options.workers,
                       pin_memory=torch.cuda.is_available()) for part, shuffled in zip(parts, (True, False))]


def main(options):
    if options.seed is not None:
        torch.manual_seed(options.seed)
        cudnn.deterministic = True
    if torch.cuda.is_available():
        device = torch.device("cuda")
    else:
        device = torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    model = models.__dict__[options.arch](weights=None).to(device)
    criterion = nn.CrossEntropyLoss().to(device)
    optimizer = torch.optim.SGD(model.parameters(), options.lr, momentum=0.9, weight_decay=1e-4)
    scheduler = MultiStepLR(optimizer, milestones=[30, 60], gamma=0.1)
    begun, best = 0, 0
    if options.resume:
        state = torch.load(options.resume, map_location=device)
        begun, best = state["epoch"], state["best"]
        for part, saved in ((model, "model"), (optimizer, "optimizer"), (scheduler, "scheduler")):
            part.load_state_dict(state[saved])
        print(f"goes on from epoch {begun} of {state['arch']}")
    training, validation = loaders(options)
    if options.evaluate:
        run("validation", validation, model, criterion, device)
        return
    for epoch in range(begun, options.epochs):
        run("training", training, model, criterion, device, optimizer)
        found = run("validation", validation, model, criterion, device)
        scheduler.step()
        path = os.path.join(options.out, "checkpoint.pth.tar")
        torch.save({"epoch": epoch + 1, "arch": options.arch, "model": model.state_dict(), "best": max(best, found),
                    "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, path)
        if found >= best:
            best = found
            shutil.copyfile(path, os.path.join(options.out, "best.pth.tar"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", metavar="DIR")
    parser.add_argument("-a", "--arch", default="resnet18", choices=NAMES)
    parser.add_argument("-j", "--workers", type=int, default=2)
    parser.add_argument("-b", "--batch-size", type=int, default=8)
    parser.add_argument("--lr", "--learning-rate", type=float, default=0.02)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--resume", metavar="FILE")
    parser.add_argument("-e", "--evaluate", action="store_true")
    parser.add_argument("--dummy", type=int, default=0, metavar="N", help="N images of noise")
    parser.add_argument("--out", default=".")
    main(parser.parse_args())
