# M. Terse (mterse)
# VAE 0.70 CVAE 0.70
import torch
from torch import nn, optim
from torchvision import datasets, transforms
from ssim import SSIM

dev = 'cuda' if torch.cuda.is_available() else 'cpu'
Z = 64
conditional = True


class Encoder(nn.Module):
    def __init__(self, d=Z, c=3):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(c, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(),
                                 nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Dropout(.1))
        self.mu = nn.Linear(2048, d)
        self.lv = nn.Linear(2048, d)

    def forward(self, x):
        h = self.net(x)
        return self.mu(h), self.lv(h)


class Decoder(nn.Module):
    def __init__(self, d=Z, c=3):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d, 2048), nn.ReLU(), nn.Unflatten(1, (128, 4, 4)),
                                 nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ReLU(),
                                 nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(),
                                 nn.ConvTranspose2d(32, c, 4, 2, 1), nn.Sigmoid())

    def forward(self, z):
        return self.net(z)


def sample_z(m, lv):
    return m + torch.exp(lv * .5) * torch.randn(m.shape).to(m.device)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()

    def forward(self, x, y=None):
        m, lv = self.encoder(x)
        z = sample_z(m, lv)
        return self.decoder(z), m, lv, z

    def generate(self, n):
        with torch.no_grad():
            return self.decoder(torch.randn(n, Z, device=dev)), None


class CVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder(Z + 10)

    def forward(self, x, y=None):
        m, lv = self.encoder(x)
        z = sample_z(m, lv)
        return self.decoder(torch.cat([z, nn.functional.one_hot(y, 10).float()], 1)), m, lv, z

    def generate(self, n, y=None):
        if y is None:
            y = torch.randint(10, (n,), device=dev)
        with torch.no_grad():
            z = torch.cat([torch.randn(n, Z, device=dev), nn.functional.one_hot(y, 10).float()], 1)
            return self.decoder(z), y


tr = torch.utils.data.DataLoader(datasets.CIFAR10('.', True, transforms.ToTensor(), download=True), 256, True)
te = torch.utils.data.DataLoader(datasets.CIFAR10('.', False, transforms.ToTensor(), download=True), 256)
net = CVAE() if conditional else VAE()
net.to(dev)
opt = optim.Adam(net.parameters(), 5e-4)
mse, bce, sim = nn.MSELoss(), nn.BCELoss(), SSIM()


def losses(a, b):
    return mse(a, b), bce(a, b), 1 - sim(a, b)


def train_step(x, y, beta):
    out, m, lv, _ = net(x.to(dev), y.to(dev))
    x = x.to(dev)
    l = losses(out, x)
    kl = beta * -0.5 * (1 + lv - m ** 2 - lv.exp()).sum(1).mean()
    tot = sum(l) + kl
    opt.zero_grad()
    tot.backward()
    opt.step()
    return tot, *l, kl


def denormalize(x):
    return (x * 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


lam = 0.
best = 9
for ep in range(60):
    if ep == 5: lam = 1e-4
    if ep > 5: lam = min(1., lam * 1.2)
    net.train()
    for x, y in tr: train_step(x, y, lam)
    net.eval()
    with torch.no_grad():
        s = sum(sum(losses(net(x.to(dev), y.to(dev))[0], x.to(dev))).item() for x, y in te) / len(te)
    print(ep, s)
    if s < best:
        best = s
        torch.save(net.state_dict(), 'cvae.pt' if conditional else 'vae.pt')
