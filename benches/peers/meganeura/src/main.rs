//! LeNet-5 in meganeura: `peer-meganeura --setting max-pool|halves --phase train|evaluate --batch N [--seconds S]
//! [--samples N]` prints one JSON line, as the Python peers do. `--phase accuracy` trains an epoch, tests, and prints
//! losses and test accuracy instead.
//!
//! meganeura 0.3 trains neither a max-pooling nor with momentum. Put together from what it has:
//! - **Max-pooling.** The backward pass of its `max_pool_2d` gives each input a quarter of the gradient of an output, and finds
//!   that output as if an output's four inputs lay side by side in memory. `max-pool` uses it all the same. `halves` takes the
//!   larger of even and odd rows, then of even and odd columns, from operations whose gradients are right.
//! - **Momentum.** It has SGD without momentum, Adam and LaProp. An epsilon that is large beside the root of Adam's second
//!   moment leaves SGD with momentum.

#[path = "../../mnist.rs"]
mod mnist;
#[path = "../../timing.rs"]
mod timing;

use meganeura::{Graph, Mode, NodeId, Session, SessionConfig, nn};
use mnist::{Batches, PIXELS, Random};

const IMAGES: usize = 60_000;
const CLASSES: usize = 10;
const RATE: f32 = 0.01;
const MOMENTUM: f32 = 0.9;

/// A graph of LeNet-5 for batches of a fixed size.
struct LeNet5 {
    graph: Graph,
    batch: u32,
    halves: bool,
    /// Name, number of values and number of inputs of each parameter; biases have no inputs.
    parameters: Vec<(String, usize, usize)>,
}

impl LeNet5 {
    /// The logits, `[batch, 10]`, of the input `x`.
    fn new(batch: usize, halves: bool) -> (Self, NodeId) {
        let mut net = Self { graph: Graph::new(), batch: batch as u32, halves, parameters: Vec::new() };
        let x = net.graph.input("x", &[batch * PIXELS]);
        let x = net.convolution("c1", x, 1, 6, 32);
        let x = net.pool(x, 6, 28);
        let x = net.convolution("c3", x, 6, 16, 14);
        let x = net.pool(x, 16, 10);
        let x = net.graph.reshape(x, &[batch, 400]);
        let x = net.dense("c5", x, 400, 120);
        let x = net.graph.relu(x);
        let x = net.dense("f6", x, 120, 84);
        let x = net.graph.relu(x);
        let logits = net.dense("output", x, 84, CLASSES);
        assert_eq!(net.parameters.iter().map(|p| p.1).sum::<usize>(), 61_706);
        (net, logits)
    }

    /// A 5x5 convolution without padding of images of `size`, and ReLU.
    fn convolution(&mut self, name: &str, x: NodeId, inputs: u32, outputs: u32, size: u32) -> NodeId {
        let g = &mut self.graph;
        let x = nn::Conv2d::new(g, name, inputs, outputs, 5, size, size, 1, 0).forward(g, x, self.batch);
        let bias = g.parameter(&format!("{name}.bias"), &[outputs as usize]);
        let x = g.add_per_channel(x, bias, outputs, (size - 4) * (size - 4));
        let connections = 25 * inputs as usize;
        self.parameters.push((format!("{name}.weight"), connections * outputs as usize, connections));
        self.parameters.push((format!("{name}.bias"), outputs as usize, 0));
        self.graph.relu(x)
    }

    fn dense(&mut self, name: &str, x: NodeId, inputs: usize, outputs: usize) -> NodeId {
        self.parameters.push((format!("{name}.weight"), inputs * outputs, inputs));
        self.parameters.push((format!("{name}.bias"), outputs, 0));
        nn::Linear::new(&mut self.graph, name, inputs, outputs).forward(&mut self.graph, x)
    }

    /// The largest of each 2x2 block of images of `size`.
    fn pool(&mut self, x: NodeId, channels: u32, size: u32) -> NodeId {
        if !self.halves {
            return self.graph.max_pool_2d(x, self.batch, channels, size, size, 2, 2, 2, 0);
        }
        let rows = self.batch * channels * size / 2;
        let x = self.larger(x, rows, size);
        self.larger(x, rows * size / 2, 1)
    }

    /// The larger of each two neighbouring runs of `length` values, value by value; there are `2 * pairs` runs.
    fn larger(&mut self, x: NodeId, pairs: u32, length: u32) -> NodeId {
        let g = &mut self.graph;
        let (a, b) = (g.split_a(x, pairs, 1, 1, length), g.split_b(x, pairs, 1, 1, length));
        let minus_a = g.neg(a);
        let difference = g.add(b, minus_a);
        let more = g.relu(difference);
        g.add(a, more)
    }

    /// A session of the graph on the default adapter, with initial weights (He uniform, biases 0), and the names of its parameters.
    fn session(mut self, logits: NodeId, train: bool) -> (Session, Vec<String>) {
        let mode = if train { Mode::Training } else { Mode::Inference };
        let output = if train {
            let labels = self.graph.input("labels", &[self.batch as usize, CLASSES]);
            self.graph.cross_entropy_loss(logits, labels)
        } else {
            logits
        };
        self.graph.set_outputs(vec![output]);
        let mut session = meganeura::build(&self.graph, SessionConfig { mode, ..Default::default() }).0;
        let mut random = Random(1);
        for (name, count, connections) in &self.parameters {
            let bound = if *connections == 0 { 0.0 } else { (6.0 / *connections as f32).sqrt() };
            let values =
                (0..*count).map(|_| bound * (random.next() as f32 / (1 << 30) as f32 - 1.0)).collect::<Vec<_>>();
            session.set_parameter(name, &values);
        }
        if train {
            // The root of the second moment rounds away beside this epsilon. After so many steps Adam no longer corrects
            // its moments.
            let epsilon = 1e8;
            session.set_adam(RATE * epsilon / (1.0 - MOMENTUM), MOMENTUM, 0.999, epsilon);
            session.set_adam_step_count(100_000);
        }
        (session, self.parameters.into_iter().map(|p| p.0).collect())
    }
}

/// Images and labels in memory, and the batch that is uploaded.
struct Uploads {
    images: Vec<f32>,
    labels: Vec<u8>,
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Uploads {
    fn new(half: &str, count: usize) -> Self {
        let (images, labels) = mnist::load(half, count);
        Self { images, labels, x: Vec::new(), y: Vec::new() }
    }

    /// A step of training; it runs on when this returns.
    fn train(&mut self, session: &mut Session, rows: &[usize]) {
        self.upload(session, rows);
        self.y.clear();
        self.y.resize(rows.len() * CLASSES, 0.0);
        for (i, &row) in rows.iter().enumerate() {
            self.y[i * CLASSES + usize::from(self.labels[row])] = 1.0;
        }
        session.set_input("labels", &self.y);
        session.step();
    }

    /// Number of images whose largest logit is that of their label.
    fn evaluate(&mut self, session: &mut Session, rows: &[usize]) -> usize {
        self.upload(session, rows);
        session.step();
        session.wait();
        let logits = session.read_output(rows.len() * CLASSES);
        let largest = |scores: &[f32]| (0..CLASSES).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let found = logits.chunks_exact(CLASSES).zip(rows);
        found.filter(|(scores, row)| largest(scores) == Some(usize::from(self.labels[**row]))).count()
    }

    fn upload(&mut self, session: &mut Session, rows: &[usize]) {
        self.x.clear();
        for row in rows {
            self.x.extend_from_slice(&self.images[row * PIXELS..][..PIXELS]);
        }
        session.set_input("x", &self.x);
    }
}

/// Trains an epoch, then tests with the weights that came of it.
fn accuracy(batch: usize, halves: bool) {
    let (net, logits) = LeNet5::new(batch, halves);
    let (mut session, names) = net.session(logits, true);
    let (mut data, mut batches) = (Uploads::new("train", IMAGES), Batches::new(IMAGES));
    let steps = IMAGES / batch;
    let mut losses = Vec::new();
    for _ in 0..steps {
        data.train(&mut session, batches.next(batch));
        session.wait();
        losses.push(session.read_loss());
    }
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let weights = session.read_params(&names);

    let (net, logits) = LeNet5::new(1000, halves);
    let (mut session, _) = net.session(logits, false);
    for (name, values) in names.iter().zip(weights) {
        session.set_parameter(name, &values);
    }
    let mut tests = Uploads::new("t10k", 10_000);
    let rows: Vec<usize> = (0..10_000).collect();
    let hits: usize = rows.chunks(1000).map(|rows| tests.evaluate(&mut session, rows)).sum();
    let line = serde_json::json!({
        "first_loss": losses[0],
        "mean_loss_of_the_last_100_steps": mean(&losses[steps.saturating_sub(100)..]),
        "test_accuracy": hits as f64 / 10_000.0,
    });
    println!("{line}");
}

fn main() {
    let arguments = timing::Arguments::read();
    let (batch, halves) = (arguments.batch, arguments.setting == "halves");
    if arguments.phase == "accuracy" {
        return accuracy(batch, halves);
    }
    let train = arguments.phase == "train";
    // Its batches are uploaded: its data loader does that too.
    let (net, logits) = LeNet5::new(batch, halves);
    let (mut session, _) = net.session(logits, train);
    let (mut data, mut batches) = (Uploads::new("train", IMAGES), Batches::new(IMAGES));
    arguments.measure(&format!("meganeura 0.3 {}", arguments.setting), |count| {
        for _ in 0..count {
            let rows = batches.next(batch);
            if train {
                data.train(&mut session, rows);
            } else {
                data.evaluate(&mut session, rows);
            }
        }
        session.wait();
        assert!(!train || session.read_loss().is_finite(), "the loss is {}", session.read_loss());
    });
}
