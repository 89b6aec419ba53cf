# M. Terse (mterse)
# acc .691
import torch
from torch import nn, optim
from torchvision import datasets, transforms

dev = 'cuda' if torch.cuda.is_available() else 'cpu'
Z = 64


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(Z + 10, 2048), nn.LeakyReLU(.2), nn.Unflatten(1, (128, 4, 4)),
                                 nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.LeakyReLU(.2),
                                 nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.LeakyReLU(.2),
                                 nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Sigmoid())

    def forward(self, z, y):
        one_hot = nn.functional.one_hot(y, 10).float()
        return self.net(torch.cat([z, one_hot], 1))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 64, 3, 2, 1), nn.LeakyReLU(.2), nn.Conv2d(64, 128, 3, 2, 1),
                                 nn.LeakyReLU(.2), nn.Conv2d(128, 256, 3, 2, 1), nn.LeakyReLU(.2), nn.Flatten())
        self.adv = nn.Linear(4096, 1)
        self.aux = nn.Linear(4096, 10)

    def forward(self, x):
        h = self.net(x)
        return self.adv(h), self.aux(h)


tr = torch.utils.data.DataLoader(datasets.CIFAR10('.', True, transforms.ToTensor(), download=True), 256, True)
te = torch.utils.data.DataLoader(datasets.CIFAR10('.', False, transforms.ToTensor(), download=True), 256)
g, d = Generator().to(dev), Discriminator().to(dev)
og, od = [optim.Adam(m.parameters(), 1e-3, betas=(.5, .999)) for m in (g, d)]
bce, ce = nn.functional.binary_cross_entropy, nn.functional.cross_entropy


def train_step(x, y):
    x, y = x.to(dev), y.to(dev)
    yf = torch.randint(10, y.shape, device=dev)
    f = g(torch.randn(len(x), Z, device=dev), yf)
    vr, cr = d(x)
    vf, cf = d(f.detach())
    ld = vf.mean() - vr.mean() + ce(cr, y)
    od.zero_grad(); ld.backward(); od.step()
    for p in d.parameters(): p.data.clamp_(-.05, .05)
    v, c = d(f)
    lg = -v.mean() + ce(c, yf)
    og.zero_grad(); lg.backward(); og.step()
    return lg, ld, (cr.argmax(1) == y).float().mean()


def denormalize(x):
    return (x * 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def test():
    d.eval()
    with torch.no_grad():
        return sum((d(x.to(dev))[1].argmax(1).cpu() == y).sum().item() for x, y in te) / 10000


zz, yy = torch.randn(20, Z, device=dev), torch.arange(20, device=dev) // 2
best = 0
for ep in range(150):
    d.train()
    for x, y in tr: train_step(x, y)
    a = test()
    print(ep, a)
    im = denormalize(g(zz, yy))
    if a > best:
        best = a
        torch.save({'generator': g.state_dict(), 'discriminator': d.state_dict()}, 'acgan.pt')
