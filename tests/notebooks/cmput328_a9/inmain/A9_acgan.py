"""
CMPUT 328 A9 Part 2
Name: Priya Inmain   CCID: pinmain
auxiliary test accuracy: 71.3 %
"""
import argparse
import itertools
import os
import torch
from torch import nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm
import torchvision
import torchvision.transforms as T


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--latent_dim", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--lr", type=float, default=2e-4)
    args = parser.parse_args()
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

    class Generator(nn.Module):
        def __init__(self, latent_dim=args.latent_dim, out_channels=3, num_classes=10):
            super().__init__()
            self.eye = torch.eye(num_classes)
            self.fc = nn.Linear(latent_dim + num_classes, 256 * 4 * 4)
            ups = []
            for a, b in [(256, 128), (128, 64), (64, 32)]:
                ups += [nn.ConvTranspose2d(a, b, 4, 2, 1), nn.BatchNorm2d(b), nn.LeakyReLU(0.1)]
            self.ups = nn.Sequential(*ups)
            self.out = nn.Conv2d(32, out_channels, 3, 1, 1)

        def forward(self, z, y):
            h = self.fc(torch.cat((z, self.eye.to(z.device)[y]), 1))
            return torch.sigmoid(self.out(self.ups(h.view(-1, 256, 4, 4))))

    class Discriminator(nn.Module):
        def __init__(self, in_channels=3):
            super().__init__()
            self.main = nn.Sequential(
                spectral_norm(nn.Conv2d(in_channels, 64, 4, 2, 1)), nn.LeakyReLU(0.2),
                spectral_norm(nn.Conv2d(64, 128, 4, 2, 1)), nn.LeakyReLU(0.2),
                spectral_norm(nn.Conv2d(128, 256, 4, 2, 1)), nn.LeakyReLU(0.2),
                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3),
            )
            self.critic = spectral_norm(nn.Linear(256, 1))
            self.classes = nn.Linear(256, 10)

        def forward(self, x):
            h = self.main(x)
            return self.critic(h).squeeze(1), F.log_softmax(self.classes(h), dim=1)

    def denormalize(x):
        return (255 * x.detach()).cpu().permute(0, 2, 3, 1).numpy().astype("uint8")

    G, D = Generator(), Discriminator()
    nets = {"G": G.to(device), "D": D.to(device)}
    optimizers = {
        "G": torch.optim.Adam(nets["G"].parameters(), lr=args.lr, betas=(0.0, 0.9)),
        "D": torch.optim.Adam(itertools.chain(nets["D"].main.parameters(), nets["D"].critic.parameters(), nets["D"].classes.parameters()), lr=args.lr, betas=(0.0, 0.9)),
    }
    nll = nn.NLLLoss()

    def train_step(x, y):
        """hinge AC-GAN"""
        x, y = x.to(device), y.to(device)
        n = x.size(0)

        # D: real and fake in one pass
        with torch.no_grad():
            z = torch.randn(n, args.latent_dim, device=device)
            yf = torch.randint(10, (n,), device=device)
            fake = nets["G"](z, yf)
        v, c = nets["D"](torch.cat([x, fake], dim=0))
        v_real, v_fake = v.split(n)
        c_real, c_fake = c.split(n)
        d_adv = F.relu(1.0 - v_real).mean() + F.relu(1.0 + v_fake).mean()
        d_aux = nll(c_real, y)
        loss_d = d_adv + d_aux
        optimizers["D"].zero_grad()
        loss_d.backward()
        optimizers["D"].step()
        acc = (c_real.argmax(1) == y).float().mean()

        # G
        z = torch.randn(n, args.latent_dim, device=device)
        yf = torch.randint(10, (n,), device=device)
        v, c = nets["D"](nets["G"](z, yf))
        loss_g = -v.mean() + nll(c, yf)
        optimizers["G"].zero_grad()
        loss_g.backward()
        optimizers["G"].step()
        return loss_g.item(), loss_d.item(), acc.item()

    tf = T.Compose([T.RandomHorizontalFlip(), T.ToTensor()])
    train = torch.utils.data.DataLoader(torchvision.datasets.CIFAR10(args.data, True, tf, download=True), batch_size=128, shuffle=True)
    test = torch.utils.data.DataLoader(torchvision.datasets.CIFAR10(args.data, False, T.ToTensor(), download=True), batch_size=500)

    os.makedirs("visualize/gan", exist_ok=True)
    random_z = torch.normal(0, 1, (20, args.latent_dim)).to(device)
    random_y = torch.arange(20).to(device) % 10
    for epoch in range(args.epochs):
        for x, y in train:
            g, d, a = train_step(x, y)
        nets["D"].eval()
        hits = 0
        with torch.no_grad():
            for x, y in test:
                hits += (nets["D"](x.to(device))[1].argmax(1).cpu() == y).sum().item()
        nets["D"].train()
        print(f"epoch {epoch} g {g:.3f} d {d:.3f} acc {a:.3f} test {hits / 10000:.4f}")
        torchvision.utils.save_image(nets["G"](random_z, random_y), f"visualize/gan/E{epoch}.png")
        torch.save({"generator": nets["G"].state_dict(), "discriminator": nets["D"].state_dict()}, "acgan.pt")


if __name__ == "__main__":
    main()
