import keras
from sklearn.datasets import load_digits
from trainshed_trainer import Run
from trainshed_trainer.callbacks.keras import TrainshedCallback

x, y = load_digits(return_X_y=True)
model = keras.Sequential(
    [keras.layers.Rescaling(1 / 16), keras.layers.Dense(10, activation="softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
with Run() as run:
    callback = TrainshedCallback(run, batch_size=64, samples=len(x))
    model.fit(x, y, batch_size=64, epochs=20, verbose=0, callbacks=[callback])
    run.evaluate(accuracy=model.evaluate(x, y, verbose=0)[1])
