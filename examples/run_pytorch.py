import torch
from sklearn.datasets import load_digits
from trainshed_trainer import Run

x, y = (torch.tensor(each) for each in load_digits(return_X_y=True))
x = x.float() / 16
model = torch.nn.Linear(64, 10)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
with Run() as run:
    for batch in run.steps(torch.randint(len(x), (500, 64))):
        loss = torch.nn.functional.cross_entropy(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step(), optimizer.zero_grad()
        run.log(loss=loss)
    run.evaluate(accuracy=(model(x).argmax(1) == y).float().mean().item())
