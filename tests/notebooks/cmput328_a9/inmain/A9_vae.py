"""
CMPUT 328 A9 Part 1
Name: Priya Inmain   CCID: pinmain
VAE test reconstruction loss: 0.668
CVAE test reconstruction loss: 0.671
"""
import argparse
import os
import ssim
import torch
from torch import nn
import torch.nn.functional as F
import torchvision
import torchvision.transforms as T


def main():
    parser = argparse.ArgumentParser(description="A9 VAE")
    parser.add_argument("--data", required=True, help="where CIFAR10 is")
    parser.add_argument("--conditional", action="store_true")
    parser.add_argument("--latent_dim", type=int, default=192)
    parser.add_argument("--epochs", type=int, default=90)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()

    device = "cuda" if torch.cuda.is_available() else "cpu"
    widths = [48, 96, 192]

    class DepthwiseSeparable(nn.Module):
        def __init__(self, cin, cout, stride=1):
            super().__init__()
            self.dw = nn.Conv2d(cin, cin, kernel_size=3, stride=stride, padding=1, groups=cin, bias=False)
            self.pw = nn.Conv2d(cin, cout, kernel_size=1)
            self.norm = nn.BatchNorm2d(cout)

        def forward(self, x):
            return F.gelu(self.norm(self.pw(self.dw(x))))

    class Encoder(nn.Module):
        def __init__(self, latent_dim=args.latent_dim, in_channels=3):
            super().__init__()
            layers = []
            c = in_channels
            for w in widths:
                layers.append(DepthwiseSeparable(c, w, stride=2))
                c = w
            self.features = nn.Sequential(*layers)
            self.head = nn.Linear(widths[-1] * 16, 2 * latent_dim)

        def forward(self, x):
            h = self.features(x).flatten(1)
            mu, log_var = self.head(h).chunk(2, dim=1)
            return mu, log_var

    class Decoder(nn.Module):
        def __init__(self, latent_dim=args.latent_dim, out_channels=3):
            super().__init__()
            self.fc = nn.Linear(latent_dim, widths[-1] * 16)
            self.body = nn.ModuleList()
            rev = widths[::-1]
            for a, b in zip(rev, rev[1:] + [32]):
                self.body.append(nn.Sequential(nn.ConvTranspose2d(a, b, 4, 2, 1), nn.BatchNorm2d(b), nn.GELU()))
            self.out = nn.Conv2d(32, out_channels, 3, padding=1)

        def forward(self, z):
            h = self.fc(z).reshape(z.size(0), widths[-1], 4, 4)
            for layer in self.body:
                h = layer(h)
            return self.out(h).sigmoid()

    class VAE(nn.Module):
        def __init__(self, latent_dim=args.latent_dim):
            super().__init__()
            self.latent_dim = latent_dim
            self.encode = Encoder(latent_dim)
            self.decode = Decoder(latent_dim)

        def reparameterize(self, mu, log_var):
            std = torch.exp(0.5 * log_var)
            return torch.normal(mu, std) if not self.training else mu + std * torch.randn_like(mu)

        def forward(self, x, y):
            mu, log_var = self.encode(x)
            z = self.reparameterize(mu, log_var)
            return self.decode(z), mu, log_var, z

        @torch.no_grad()
        def generate(self, n_samples):
            z = torch.normal(0.0, 1.0, size=(n_samples, self.latent_dim), device=device)
            return self.decode(z), None

    class CVAE(nn.Module):
        def __init__(self, latent_dim=args.latent_dim, num_classes=10, img_size=32):
            super().__init__()
            self.latent_dim = latent_dim
            self.num_classes = num_classes
            self.img_size = img_size
            self.eye = torch.eye(num_classes)
            self.class_planes = nn.Linear(num_classes, img_size * img_size)
            self.encode = Encoder(latent_dim, in_channels=3 + 1)
            self.decode = Decoder(latent_dim + num_classes)

        def one_hot(self, y):
            return self.eye.to(y.device)[y]

        def reparameterize(self, mu, log_var):
            return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)

        def forward(self, x, y):
            c = self.one_hot(y)
            plane = self.class_planes(c).view(-1, 1, self.img_size, self.img_size)
            mu, log_var = self.encode(torch.cat([x, plane], dim=1))
            z = torch.cat([self.reparameterize(mu, log_var), c], dim=1)
            return self.decode(z), mu, log_var, z

        @torch.no_grad()
        def generate(self, n_samples, y=None):
            if y is None:
                y = torch.arange(n_samples, device=device) % self.num_classes
            z = torch.randn(n_samples, self.latent_dim, device=device)
            return self.decode(torch.cat([z, self.one_hot(y)], dim=1)), y

    class KLDivLoss(nn.Module):
        def __init__(self, lambd=1.0):
            super().__init__()
            self.lambd = lambd

        def forward(self, mu, log_var):
            kl = -0.5 * (1 + log_var - mu.pow(2) - log_var.exp()).sum(1)
            return self.lambd * kl.mean()

    def weight_at(epoch):
        if epoch < 5:
            return 0.0
        return min(1.0, 1e-4 * 1.2 ** max(0, epoch - 10))

    def denormalize(x):
        arr = x.detach().cpu().mul(255).add(0.5).clamp(0, 255).byte()
        return arr.permute(0, 2, 3, 1).contiguous().numpy()

    tf = T.ToTensor()
    loaders = {
        split: torch.utils.data.DataLoader(
            torchvision.datasets.CIFAR10(args.data, train=split == "train", transform=tf, download=True),
            batch_size=args.batch_size, shuffle=split == "train")
        for split in ("train", "test")
    }

    model = (CVAE if args.conditional else VAE)(args.latent_dim).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    criteria = {"l2": nn.MSELoss(), "bce": nn.BCELoss(), "ssim": ssim.SSIM(window_size=11), "kl": KLDivLoss(0.0)}

    def reconstruction(xg, x):
        l2 = criteria["l2"](xg, x)
        bce = criteria["bce"](xg, x)
        s = 1.0 - criteria["ssim"](xg, x)
        return l2, bce, s

    def train_step(x, y):
        model.train()
        x, y = x.to(device), y.to(device)
        xg, mu, log_var, _ = model(x, y)
        l2, bce, s = reconstruction(xg, x)
        kld = criteria["kl"](mu, log_var)
        loss = l2 + bce + s + kld
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        return loss.detach(), l2.detach(), bce.detach(), s.detach(), kld.detach()

    best = float("inf")
    os.makedirs(args.out, exist_ok=True)
    for epoch in range(args.epochs):
        criteria["kl"].lambd = weight_at(epoch)
        for x, y in loaders["train"]:
            train_step(x, y)
        scheduler.step()
        model.eval()
        total = n = 0
        with torch.no_grad():
            for x, y in loaders["test"]:
                x, y = x.to(device), y.to(device)
                total += sum(reconstruction(model(x, y)[0], x)).item() * len(x)
                n += len(x)
        print(f"{epoch}: {total / n:.4f}")
        if total / n < best:
            best = total / n
            torch.save(model.state_dict(), os.path.join(args.out, "cvae.pt" if args.conditional else "vae.pt"))
            torchvision.utils.save_image(model.generate(20)[0], os.path.join(args.out, "random.png"))


if __name__ == "__main__":
    main()
