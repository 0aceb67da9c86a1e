"""Augmented images, and fine-tuning: the body of a trained ResNet learns slowly, its new last layer fast."""
import os
import sys

import minidl as torch
import minidl.vision as torchvision
from minidl import nn
from minidl.vision import transforms

root = sys.argv[1]
normalise = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
colours = transforms.ColorJitter(0.3, contrast=0.3, saturation=0.3, hue=0.05)
pipelines = {
    "train": transforms.Compose([transforms.RandomResizedCrop((24, 24), scale=(0.8, 1), ratio=(0.8, 1.2)),
                                 transforms.RandomHorizontalFlip(), transforms.RandomApply([colours], p=0.8),
                                 transforms.ToTensor(), normalise]),
    "val": transforms.Compose([transforms.Resize([30, 30]), transforms.CenterCrop(24), transforms.ToTensor(),
                               normalise]),
}
sets = {part: torchvision.datasets.ImageFolder(os.path.join(root, part), transform=pipeline)
        for part, pipeline in pipelines.items()}
loaders = {part: torch.utils.data.DataLoader(images, batch_size=8, shuffle=part == "train")
           for part, images in sets.items()}
torch.manual_seed(0)
views = [colours(torchvision.datasets.ImageFolder(os.path.join(root, "val"))[0][0]).tobytes() for _ in range(4)]
assert len(set(views)) == 4


def network(classes):
    return torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=classes)


def tuned(net, optimizer, epochs):
    """Train it, and return its accuracy."""
    for _ in range(epochs):
        net.train()
        for images, labels in loaders["train"]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images), labels, label_smoothing=0.05).backward()
            nn.utils.clip_grad_norm_(net.parameters(), max_norm=5.0)
            optimizer.step()
    net.eval()
    with torch.no_grad():
        right = sum((net(images).argmax(1) == labels).sum().item() for images, labels in loaders["val"])
    return right / len(sets["val"])


trained = network(3)
before = tuned(trained, torch.optim.Adam(trained.parameters(), lr=1e-3), epochs=8)
net = network(1000)
missing, unexpected = net.load_state_dict({name: value for name, value in trained.state_dict().items()
                                           if not name.startswith("fc.")}, strict=False)
assert set(missing) == {"fc.weight", "fc.bias"} and unexpected == []
net.fc = nn.Linear(net.fc.in_features, len(sets["train"].classes))
nn.init.xavier_uniform_(net.fc.weight)
body = [parameter for name, parameter in net.named_parameters() if name.partition(".")[0] != "fc"]
after = tuned(net, torch.optim.SGD([{"params": body}, {"params": net.fc.parameters(), "lr": 2e-2}], lr=2e-3,
                                   momentum=0.9, weight_decay=1e-3), epochs=3)
print(f"before {before:.2f}, fine-tuned {after:.2f}")
