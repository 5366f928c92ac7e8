//! LeNet-5 in burn: `peer-burn --setting wgpu|flex --phase train|evaluate --batch N [--seconds S] [--samples N]`
//! prints one JSON line, as the Python peers do.

use std::io::Read;
use std::path::PathBuf;
use std::time::Instant;

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

/// Images of 32x32 f32 between 0 and 1, and labels.
fn mnist() -> (Vec<f32>, Vec<i32>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../assets/mnist");
    let read = |name: &str, header: usize| {
        let file = std::fs::File::open(folder.join(name)).expect("the data lies in assets/mnist");
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("a gzip file");
        bytes.split_off(header)
    };
    let mut images = vec![0.0; IMAGES * 32 * 32];
    for (i, byte) in read("train-images-idx3-ubyte.gz", 16).into_iter().take(IMAGES * 784).enumerate() {
        let (image, row, column) = (i / 784, i % 784 / 28, i % 28);
        images[image * 1024 + (row + 2) * 32 + column + 2] = f32::from(byte) / 255.0;
    }
    (images, read("train-labels-idx1-ubyte.gz", 8).into_iter().take(IMAGES).map(i32::from).collect())
}

/// Images of a batch, shuffled anew for each epoch.
struct Batches {
    order: Vec<i32>,
    at: usize,
    state: u64,
}

impl Batches {
    fn next(&mut self, batch: usize) -> Vec<i32> {
        if self.at + batch > self.order.len() {
            for i in (1..self.order.len()).rev() {
                self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                self.order.swap(i, (self.state >> 33) as usize % (i + 1));
            }
            self.at = 0;
        }
        self.at += batch;
        self.order[self.at - batch..self.at].to_vec()
    }
}

fn main() {
    let started = Instant::now();
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |name: &str, default: &str| {
        let index = arguments.iter().position(|a| a == name);
        index.and_then(|i| arguments.get(i + 1)).map_or(default.to_owned(), Clone::clone)
    };
    let setting = argument("--setting", "wgpu");
    let train = argument("--phase", "train") == "train";
    let batch: usize = argument("--batch", "64").parse().expect("--batch takes a number");
    let seconds: f64 = argument("--seconds", "1").parse().expect("--seconds takes a number");
    let wanted: usize = argument("--samples", "5").parse().expect("--samples takes a number");

    let device = match setting.as_str() {
        "flex" => Device::flex(),
        _ => Device::wgpu(DeviceKind::DefaultDevice),
    };
    let device = if train { device.autodiff() } else { device };
    let (images, labels) = mnist();
    // The data lie on the device, as they do for lenet-gpu; a step sends only the indices of its images.
    let plain = device.clone().without_autodiff();
    let images = Tensor::<4>::from_data(TensorData::new(images, [IMAGES, 1, 32, 32]), &plain);
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [IMAGES]), &plain);

    let mut model = Some(LeNet5::new(&device));
    assert_eq!(model.as_ref().map(Module::num_params), Some(61_706));
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let mut optimizer = SgdConfig::new().with_momentum(Some(momentum)).init();
    let loss_of = CrossEntropyLossConfig::new().init(&device);
    let mut batches = Batches { order: (0..IMAGES as i32).collect(), at: IMAGES, state: 1 };

    let mut steps = |count: usize| {
        let mut last = 0.0;
        for step in 0..count {
            let rows = Tensor::<1, Int>::from_data(TensorData::new(batches.next(batch), [batch]), &plain);
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
    };
    steps(1);
    let first_step = started.elapsed().as_secs_f64();
    // Two rounds to warm up: burn tunes itself, and the second finds the count of a warm step.
    let mut count = 1;
    for _ in 0..2 {
        count = 1;
        loop {
            let start = Instant::now();
            steps(count);
            let took = start.elapsed().as_secs_f64();
            if took >= seconds / 2.0 {
                count = ((count as f64 * seconds / took).round() as usize).max(1);
                break;
            }
            count *= 2;
        }
    }
    let rates: Vec<f64> = (0..wanted)
        .map(|_| {
            let start = Instant::now();
            steps(count);
            (count * batch) as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    let line = serde_json::json!({
        "peer": format!("burn 0.22 {setting}"),
        "phase": if train { "train" } else { "evaluate" },
        "batch": batch,
        "samples_per_s": rates,
        "first_step_s": first_step,
        "peak_memory_bytes": peak_memory(),
    });
    println!("{line}");
}

/// Peak memory of this process (bytes); none without /proc.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}
