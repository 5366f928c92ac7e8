//! LeNet-5 in burn: `peer-burn --setting wgpu|flex --phase train|evaluate --batch N [--seconds S] [--samples N]`
//! prints one JSON line, as the Python peers do.

#[path = "../../mnist.rs"]
mod mnist;
#[path = "../../timing.rs"]
mod timing;

use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, SgdConfig};
use burn::prelude::*;
use burn::tensor::activation::relu;

/// Number of images of MNIST's training set that are used: all of them as f32 exceed the buffer limit of many adapters,
/// and a step is the same work with half of them.
const IMAGES: usize = 30_000;

#[derive(Module, Debug)]
struct LeNet5 {
    c1: Conv2d,
    c3: Conv2d,
    pool: MaxPool2d,
    c5: Linear,
    f6: Linear,
    output: Linear,
}

impl LeNet5 {
    fn new(device: &Device) -> Self {
        Self {
            c1: Conv2dConfig::new([1, 6], [5, 5]).init(device),
            c3: Conv2dConfig::new([6, 16], [5, 5]).init(device),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            c5: LinearConfig::new(400, 120).init(device),
            f6: LinearConfig::new(120, 84).init(device),
            output: LinearConfig::new(84, 10).init(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.c1.forward(x)));
        let x: Tensor<2> = self.pool.forward(relu(self.c3.forward(x))).flatten(1, 3);
        let x = relu(self.c5.forward(x));
        self.output.forward(relu(self.f6.forward(x)))
    }
}

fn main() {
    let arguments = timing::Arguments::read();
    let (train, batch) = (arguments.phase == "train", arguments.batch);
    let device = match arguments.setting.as_str() {
        "flex" => Device::flex(),
        _ => Device::wgpu(DeviceKind::DefaultDevice),
    };
    let device = if train { device.autodiff() } else { device };
    let (images, labels) = mnist::load("train", IMAGES);
    // The data lie on the device, as they do for lenet-gpu; a step sends only the indices of its images.
    let plain = device.clone().without_autodiff();
    let images = Tensor::<4>::from_data(TensorData::new(images, [IMAGES, 1, 32, 32]), &plain);
    let labels =
        Tensor::<1, Int>::from_data(TensorData::new(labels.into_iter().map(i32::from).collect(), [IMAGES]), &plain);

    let mut model = Some(LeNet5::new(&device));
    assert_eq!(model.as_ref().map(Module::num_params), Some(61_706));
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let mut optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
    let loss_of = CrossEntropyLossConfig::new().init(&device);
    let mut batches = mnist::Batches::new(IMAGES);

    arguments.measure(&format!("burn 0.22 {}", arguments.setting), |count| {
        let mut last = 0.0;
        for step in 0..count {
            let rows = batches.next(batch).iter().map(|&row| row as i32).collect();
            let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [batch]), &plain);
            let (x, y) = (images.clone().select(0, rows.clone()), labels.clone().select(0, rows));
            let old = model.take().expect("put back below");
            let score = if train {
                let loss = loss_of.forward(old.forward(x.autodiff()), y.autodiff());
                let gradients = GradientsParams::from_grads(loss.backward(), &old);
                model = Some(optimizer.step(0.01, old, gradients));
                loss
            } else {
                let correct = old.forward(x).argmax(1).flatten::<1>(0, 1).equal(y).int().sum().float();
                model = Some(old);
                correct
            };
            // Reading the last one waits for all.
            if step + 1 == count {
                last = score.into_scalar::<f32>();
            }
        }
        assert!(last.is_finite(), "the loss is {last}");
    });
}
