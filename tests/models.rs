//! Networks from files: they train, weights carry them, and every mistake is told with its layer and field.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::assert::OutputAssertExt;
use assert_cmd::cargo::CommandCargoExt;
use lenet_gpu::data::{Dataset, Source, Split};
use lenet_gpu::model::{Description, Model, PRESETS};
use lenet_gpu::train::{Checkpoint, TrainConfig};
use lenet_gpu::weights::Weights;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

/// Two convolutions, the second pooled by means.
const SMALL: &str = r#"
name = "small"
about = "two convolutions"
outputs = "data"
input = { channels = 1, height = 28, width = 28 }
levels = [-0.1, 1.175]
initializer = "glorot-uniform"
loss = "softmax-cross-entropy"
layers = [
    { name = "c1", kind = "conv2d", channels = 3, kernel = 5, activation = "tanh" },
    { name = "s2", kind = "max-pool", size = 2 },
    { name = "c3", kind = "conv2d", channels = 4, kernel = 5, activation = "scaled-tanh" },
    { name = "s4", kind = "average-pool", size = 4 },
    { name = "digits", kind = "dense", units = 10 },
]

[recipe]
epochs = 2
batch = 16
learning_rate = 0.02
validation = 50
schedule = "cosine"

[recipe.with.adam]
learning_rate = 0.001

[fast]
epochs = 1
optimizer = "adam"
"#;

/// Dense layers alone, in the other way to write tables.
const MLP: &str = r#"
name = "mlp"
input = { channels = 1, height = 28, width = 28 }
levels = [0, 1]

[[layers]]
name = "hidden"
kind = "dense"
units = 16
activation = "relu"

[[layers]]
name = "output"
kind = "dense"
units = 10
"#;

const SINGLE: &str = r#"
name = "single"
input = { channels = 1, height = 28, width = 28 }
levels = [0.0, 1.0]
layers = [{ name = "output", kind = "dense", units = 10 }]
"#;

/// The command, run to its end in `folder`.
fn lenet(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::cargo_bin("lenet-gpu").unwrap();
    command.current_dir(folder).args(arguments.split_whitespace()).env_remove("WGPU_BACKEND").output().unwrap()
}

fn json(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A folder with the models as files, and in `data` 250 training and 60 test images of MNIST whose labels are `label`
/// of their index and own label.
fn workplace(label: fn(usize, u8) -> u8) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in [("small", SMALL), ("mlp", MLP), ("single", SINGLE)] {
        fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
    }
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    for (split, half, samples) in [(Split::Train, "train", 250), (Split::Test, "t10k", 60)] {
        let mnist = Dataset::load(&Source::Embedded, split, (28, 28)).unwrap();
        let header = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
        let images = [header(&[0x803, samples, 28, 28]), mnist.images[..samples as usize * 784].to_vec()].concat();
        let labels =
            mnist.labels[..samples as usize].iter().enumerate().map(|(index, own)| label(index, *own)).collect();
        fs::write(data.join(format!("{half}-images-idx3-ubyte")), images).unwrap();
        fs::write(data.join(format!("{half}-labels-idx1-ubyte")), [header(&[0x801, samples]), labels].concat())
            .unwrap();
    }
    folder
}

fn digits() -> TempDir {
    workplace(|_, own| own)
}

#[test]
fn networks_of_your_own_train_and_their_weights_say_what_they_are() {
    let folder = digits();
    for name in ["small", "mlp", "single"] {
        let train =
            format!("train --model {name}.toml --data data --backend cpu --validation 50 --epochs 2 --batch 16");
        let events = json(&lenet(folder.path(), &format!("{train} --json")));
        let losses: Vec<f64> =
            events.iter().filter(|e| e["event"] == "epoch").map(|e| e["loss"].as_f64().unwrap()).collect();
        assert!(losses[1] < losses[0], "{name}: {losses:?}");
        let finished = &events[events.len() - 1];
        let run = folder.path().join(format!("runs/{name}-1"));
        // The file is not needed any more.
        fs::remove_file(folder.path().join(format!("{name}.toml"))).unwrap();
        for weights in ["last", "checkpoint"] {
            let eval = format!("eval --weights runs/{name}-1/{weights}.safetensors --data data --backend cpu --json");
            assert_eq!(json(&lenet(folder.path(), &eval))[0]["accuracy"], finished["test_accuracy"], "{name}");
        }
        let resume = format!("train --resume runs/{name}-1 --json");
        assert_eq!(json(&lenet(folder.path(), &resume))[0]["parameters"], events[0]["parameters"]);

        let config: Value = serde_json::from_slice(&fs::read(run.join("config.json")).unwrap()).unwrap();
        assert_eq!((&config["model"], &config["description"]["name"]), (&name.into(), &name.into()));
        assert_eq!(config, events[0]["config"]);
        let metadata = Weights::load(&run.join("best.safetensors")).unwrap().metadata;
        let description = Description::from_json(&metadata["description"]).unwrap();
        assert_eq!(serde_json::to_value(&description).unwrap(), config["description"]);
        assert!(!metadata["description"].contains("recipe") && !metadata["description"].contains("fast"));
    }
}

#[test]
fn a_file_says_how_it_is_trained() {
    let folder = digits();
    let path = folder.path().join("small.toml");
    let path = path.to_str().unwrap();
    let config = TrainConfig::defaults(path, None).unwrap();
    assert_eq!((config.model.as_str(), config.epochs, config.batch, config.validation), ("small", 2, 16, 50));
    assert_eq!((config.optimizer.name(), config.learning_rate, config.warmup), ("sgd", 0.02, 0.0));
    let fast = TrainConfig::fast(path, None).unwrap();
    assert_eq!((fast.optimizer.name(), fast.epochs, fast.batch, fast.learning_rate), ("adam", 1, 16, 0.001));
    for (flags, message) in [
        ("--fast --model mlp.toml", "--fast goes with --model lenet5 alone"),
        ("--fast --model small.toml --optimizer sgd", "--fast goes with --optimizer adam alone"),
    ] {
        let output = lenet(folder.path(), &format!("train {flags} --data data --backend cpu"));
        output.assert().code(2).stderr(contains(message).and(contains("hint: ")));
    }
    // A flag wins over the file.
    let flags = "train --model small.toml --data data --backend cpu --epochs 1 --lr 0.5 --json";
    let config = &json(&lenet(folder.path(), flags))[0]["config"];
    assert_eq!((&config["epochs"], &config["learning_rate"], &config["batch"]), (&1.into(), &0.5.into(), &16.into()));
}

#[test]
fn outputs_follow_the_data() {
    let folder = workplace(|index, _| (index % 26) as u8);
    let train = "train --data data --backend cpu --epochs 1 --validation 0 --batch 128";
    let output = lenet(folder.path(), train);
    let text = "model     lenet5 with 26 outputs, one per class of the data, 63,066 parameters\n";
    output.assert().success().stdout(contains(text));
    let read = |file| fs::read_to_string(folder.path().join("runs/lenet5-1").join(file)).unwrap();
    let description = &serde_json::from_str::<Value>(&read("config.json")).unwrap()["description"];
    assert_eq!((&description["outputs"], &description["layers"][6]["units"]), (&26.into(), &26.into()));
    for more in ["", "--model lenet5"] {
        let eval = format!("eval --weights runs/lenet5-1/best.safetensors --data data --backend cpu --json {more}");
        assert_eq!(json(&lenet(folder.path(), &eval))[0]["confusion"].as_array().unwrap().len(), 26);
    }
    lenet(folder.path(), "train --resume runs/lenet5-1").assert().success();
    // The data has to fit a number of outputs that the file gives.
    lenet(folder.path(), "train --model mlp.toml --data data --backend cpu --validation 0")
        .assert()
        .code(2)
        .stderr(contains("sample 10 has label 10, but the model has 10 outputs"));
}

#[test]
fn files_of_version_0_1_are_read() {
    let folder = digits();
    let path = folder.path().join("old.safetensors");
    let tensors = Model::preset("lenet5").unwrap().initial_weights(1);
    let metadata = |name: &str| [("model".to_owned(), name.to_owned())].into();
    Weights { tensors: tensors.clone(), metadata: metadata("lenet5") }.save(&path).unwrap();
    let eval = "eval --weights old.safetensors --data data --backend cpu";
    lenet(folder.path(), eval).assert().success().stdout(contains("old.safetensors (lenet5)"));
    Weights { tensors, metadata: metadata("mine") }.save(&path).unwrap();
    lenet(folder.path(), eval).assert().code(2).stderr(contains("old.safetensors: no model is called 'mine'"));

    let train = "train --data data --backend cpu --epochs 1 --validation 0 --batch 128 --out run";
    lenet(folder.path(), train).assert().success();
    let path = folder.path().join("run/checkpoint.safetensors");
    let last = fs::read(folder.path().join("run/last.safetensors")).unwrap();
    let mut old = Weights::load(&path).unwrap();
    old.metadata.remove("description");
    let mut config: Value = serde_json::from_str(&old.metadata["config"]).unwrap();
    config.as_object_mut().unwrap().remove("description").unwrap();
    old.metadata.insert("config".to_owned(), config.to_string());
    old.save(&path).unwrap();
    assert_eq!(Checkpoint::load(&path).unwrap().config.description, None);
    lenet(folder.path(), "eval --weights run/checkpoint.safetensors --data data --backend cpu").assert().success();
    lenet(folder.path(), "train --resume run").assert().success();
    assert_eq!(fs::read(folder.path().join("run/last.safetensors")).unwrap(), last);
}

#[test]
fn a_model_that_is_printed_and_read_is_the_same() {
    let folder = digits();
    for (model, text) in PRESETS.into_iter().chain([("small.toml", SMALL), ("mlp.toml", MLP), ("single.toml", SINGLE)])
    {
        let printed = lenet(folder.path(), &format!("summary --toml --model {model}")).stdout;
        let printed = String::from_utf8(printed).unwrap();
        let again = Description::from_toml(&printed).unwrap();
        assert_eq!(again, Description::from_toml(text).unwrap(), "{printed}");
        assert_eq!(again.model().unwrap().levels(), Description::from_toml(text).unwrap().model().unwrap().levels());
        assert_eq!(Description::from_json(&again.to_json()).unwrap(), again.network());
        fs::write(folder.path().join("again.toml"), &printed).unwrap();
        assert_eq!(lenet(folder.path(), "summary --toml --model again.toml").stdout, printed.as_bytes());
        let summary = |model| lenet(folder.path(), &format!("summary --model {model}")).stdout;
        assert_eq!(summary("again.toml"), summary(model));
    }
    let printed = lenet(folder.path(), "summary --toml");
    printed.assert().success().stdout(contains("levels = [-0.1, 1.175]"));
    let made = Model::preset("lenet5").unwrap();
    let kinds: Vec<_> = made.layers.iter().map(|layer| (layer.name.as_str(), layer.kind.clone())).collect();
    let made = Model::new("x", made.input, (made.background, made.foreground), made.initializer, &kinds).unwrap();
    assert!(made.description().to_toml().contains("levels = [-0.1, 1.175]"));
}

/// An edit of [`SMALL`], and the message after the name of the file.
const MISTAKES: &[(&str, &str, &str)] = &[
    // Text that is no TOML.
    ("kind = \"max-pool\"", "kind = ", "line 11: "),
    ("[recipe]", "name = \"twice\"", "line 17: duplicate key"),
    // Fields.
    ("outputs", "output", "unknown field `output`"),
    ("channels = 3", "chanels = 3", "layer c1: unknown field `chanels`"),
    ("channels = 1", "chanels = 1", "input: unknown field `chanels`"),
    ("epochs = 2", "epoch = 2", "recipe: unknown field `epoch`"),
    ("epochs = 1", "epoch = 1", "fast: unknown field `epoch`"),
    ("with.adam", "with.adm", "recipe.with: unknown value `adm`"),
    ("size = 2", "size = 2, stride = 2", "layer s2: unknown field `stride`"),
    ("\"max-pool\"", "\"maxpool\"", "layer s2: kind: unknown value `maxpool`"),
    ("\"tanh\"", "\"tanhh\"", "layer c1: activation: unknown value `tanhh`"),
    ("glorot-uniform", "glorot", "initializer: unknown value `glorot`"),
    ("softmax-cross-entropy", "msee", "loss: unknown value `msee`"),
    ("\"softmax-cross-entropy\"", "\"map\"", "loss: invalid type: unit variant, expected a table"),
    ("\"softmax-cross-entropy\"", "{ map = { k = 1 } }", "loss: unknown field `k`"),
    ("\"softmax-cross-entropy\"", "{ map = {} }", "loss: missing field `j`"),
    ("softmax-cross-entropy", "mse", "loss: mse is of distances, but the last layer is not rbf"),
    ("\"softmax-cross-entropy\"", "{ map = { j = 1 } }", "loss: map is of distances, but the last layer is not rbf"),
    ("name = \"small\"", "", "missing field `name`"),
    ("levels = [-0.1, 1.175]", "", "missing field `levels`"),
    ("height = 28, ", "", "input: missing field `height`"),
    ("kernel = 5, activation = \"tanh\"", "activation = \"tanh\"", "layer c1: missing field `kernel`"),
    ("kind = \"max-pool\", ", "", "layer s2: missing field `kind`"),
    ("name = \"s2\", ", "", "layer 2: missing field `name`"),
    // Types.
    ("size = 2", "size = \"2\"", "layer s2: size: invalid type: string \"2\", expected a whole number"),
    ("size = 2", "size = 2.5", "layer s2: size: invalid type: floating point `2.5`, expected a whole number"),
    ("size = 2", "size = -2", "layer s2: size: invalid value: integer `-2`, expected a whole number"),
    ("size = 2", "size = nan", "layer s2: size: not a finite number"),
    ("height = 28", "height = true", "input: height: invalid type: boolean `true`, expected a whole number"),
    ("{ channels = 1, height = 28, width = 28 }", "784", "input: invalid type: integer `784`, expected a table"),
    ("[-0.1, 1.175]", "[-0.1]", "levels: invalid length 1"),
    ("[-0.1, 1.175]", "[0, 1e300]", "levels: 1e300 is too large"),
    ("[-0.1, 1.175]", "[0, inf]", "levels: not a finite number"),
    ("\"data\"", "\"dat\"", "outputs: \"dat\" is neither \"data\" nor a number of outputs"),
    ("name = \"s2\"", "name = 2", "layer 2: its name is no text"),
    ("epochs = 2", "epochs = 2.5", "recipe: epochs: invalid type: floating point `2.5`, expected a whole number"),
    ("batch = 16", "batch = 0", "recipe: batch is 0"),
    ("learning_rate = 0.02", "learning_rate = inf", "recipe: learning_rate: not a finite number"),
    ("learning_rate = 0.001", "learning_rate = -1", "recipe.with.adam: learning_rate is -1"),
    // Names.
    ("name = \"small\"", "name = \"Small\"", "name: \"Small\" is no plain name"),
    ("name = \"small\"", "name = \"../small\"", "name: \"../small\" is no plain name"),
    ("name = \"small\"", "name = \"\"", "name: \"\" is no plain name"),
    ("name = \"c1\"", "name = \"c 1\"", "layer 1: name: \"c 1\" is no plain name"),
    (
        "name = \"c1\"",
        "name = \"a23456789012345678901234567890123456789012345678901234567890\"",
        "layer 1: name: \"a2345678901234567890123456789012345678901\" is no plain name",
    ),
    ("name = \"c3\"", "name = \"c1\"", "model small: two layers are named c1"),
    (
        "kind = \"max-pool\", size = 2",
        "kind = \"rbf\", codes = [\"# .\"]",
        "model small: layer s2 is rbf and not the last",
    ),
    // Sizes.
    ("size = 2", "size = 0", "model small: layer s2: size is 0"),
    ("size = 2", "size = 5", "model small: layer s2: blocks of size 5x5 do not divide an input of 3@24x24"),
    ("kernel = 5", "kernel = 4", "model small: layer c1: a kernel of 4x4 is even"),
    ("kernel = 5", "kernel = 29", "model small: layer c1: a kernel of 29x29 does not fit an input of 1@28x28"),
    ("channels = 3", "channels = 0", "model small: layer c1: channels is 0"),
    ("units = 10", "units = 0", "model small: layer digits: units is 0"),
    ("height = 28", "height = 0", "model small: input: height is 0"),
    ("units = 10", "units = 9223372036854775807", "model small: layer digits: its output: channels x height x width"),
    ("channels = 3", "channels = 9223372036854775807", "model small: layer c1: its output: channels x height x width"),
    ("kernel = 5", "kernel = 9223372036854775807", "model small: layer c1: a kernel of 9223372036854775807x"),
    ("size = 4", "size = 9223372036854775807", "model small: layer s4: blocks of size 9223372036854775807x"),
    ("height = 28", "height = 9223372036854775807", "model small: input: channels x height x width"),
    ("units = 10", "units = 2000000000", "model small: layer digits: over 2147483648 parameters"),
    ("units = 10", "units = 18446744073709551616", "line 14: "),
    // The end.
    (", units = 10", ", units = 10, activation = \"relu\"", "model small: the last layer digits must be dense with no"),
    (
        "kind = \"dense\", units = 10",
        "kind = \"max-pool\", size = 1",
        "model small: the last layer digits must be dense",
    ),
    ("\"data\"", "11", "outputs is 11, but the last layer has 10 units"),
];

#[test]
fn every_mistake_is_told_with_its_place() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mine.toml");
    let find = |text: &str| {
        fs::write(&path, text).unwrap();
        TrainConfig::defaults(path.to_str().unwrap(), None)
            .and_then(|_| TrainConfig::fast(path.to_str().unwrap(), None))
    };
    find(SMALL).unwrap();
    let mut others = String::new();
    for (old, new, message) in MISTAKES {
        assert!(SMALL.contains(old), "{old}");
        let error = find(&SMALL.replacen(old, new, 1)).expect_err(message);
        let text = error.to_string();
        let expected = format!("{}: {message}", path.display());
        if !text.starts_with(&expected) {
            others += &format!("\n  {text}\nis not\n  {expected}");
        }
        assert!(!text.contains('\n') && !error.hint().is_empty() && error.exit_code() == 2, "{error:?}");
    }
    assert!(others.is_empty(), "{others}");
    // Sums over the model.
    let wide =
        "{ name = \"w1\", kind = \"dense\", units = 40000 },\n{ name = \"w2\", kind = \"dense\", units = 40000 },\n";
    let last = "    { name = \"digits\"";
    let text = find(&SMALL.replace(last, &format!("{wide}{}{last}", wide.replace('w', "v")))).unwrap_err().to_string();
    assert!(text.contains("over 2147483648 parameters up to layer v1"), "{text}");
    for layers in ["[]", "3", "[1]", "[{}]"] {
        let text = format!("{}layers = {layers}", &SMALL[..SMALL.find("layers").unwrap()]);
        assert!(find(&text).unwrap_err().to_string().contains("layer"), "{layers}");
    }
}

/// An edit of the preset `lenet5-1998`, and the message after the name of the file.
const MISTAKES_1998: &[(&str, &str, &str)] = &[
    ("j = 0.1", "j = 0", "loss: map: j is 0"),
    ("j = 0.1", "j = 1e300", "loss: map: j is 1"),
    ("j = 0.1", "j = \"0.1\"", "loss: invalid type: string \"0.1\", expected a number"),
    ("input =", "outputs = \"data\"\ninput =", "outputs: the last layer has one per code"),
    ("inverse-fan-in", "fan-in", "initializer: unknown value `fan-in`"),
    ("[0, 1, 2, 3, 4, 5],", "", "model lenet5-1998: layer c3: links: 15 lists for 16 output maps"),
    ("[3, 4, 5]", "[3, 4, 6]", "model lenet5-1998: layer c3: links: output map 3 takes input map 6, but there are 6"),
    ("[3, 4, 5]", "[3, 4, 4]", "model lenet5-1998: layer c3: links: output map 3 takes input map 4 twice"),
    ("[3, 4, 5]", "[]", "model lenet5-1998: layer c3: links: output map 3 has no input map"),
    ("[3, 4, 5]", "[3, -4, 5]", "layer c3: links: invalid value: integer `-4`, expected a whole number"),
    ("[3, 4, 5]", "3", "layer c3: links: invalid type: integer `3`, expected a sequence"),
    ("units = 84", "units = 85", "model lenet5-1998: layer output: codes: 12 rows of 7 are 84, but the input has 85"),
    ("\"..###.. ...##..", "\"..###..", "model lenet5-1998: layer output: codes: line 2 has 10 bitmaps, the first 9"),
    (
        "\"##...## ##.##.. ",
        "\"##...## ##.##. ",
        "model lenet5-1998: layer output: codes: line 4 has a bitmap of 6 columns",
    ),
    (
        "\"##...## ##.##.. ",
        "\"##...## ##.##.x ",
        "model lenet5-1998: layer output: codes: line 4 has other letters than # and .",
    ),
];

#[test]
fn every_mistake_in_a_network_of_distances_is_told_with_its_place() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mine.toml");
    let (_, preset) = PRESETS.iter().find(|(name, _)| *name == "lenet5-1998").unwrap();
    for (old, new, message) in MISTAKES_1998 {
        assert!(preset.contains(old), "{old}");
        fs::write(&path, preset.replacen(old, new, 1)).unwrap();
        let error = Description::find(path.to_str().unwrap()).expect_err(message);
        let expected = format!("{}: {message}", path.display());
        assert!(error.to_string().starts_with(&expected), "{error}\nis not\n{expected}");
        assert!(!error.hint().is_empty() && error.exit_code() == 2, "{error:?}");
    }
}

#[test]
fn codes_are_drawn_and_weights_that_contradict_them_refused() {
    let folder = digits();
    let shown = lenet(folder.path(), "summary --model lenet5-1998 --codes");
    shown.assert().success().stdout(contains("\n0       1       2 ").and(contains("\n..###.. ...##.. .#####. ")));
    let none = lenet(folder.path(), "summary --codes");
    none.assert().code(2).stderr(contains("lenet5 has no codes").and(contains("hint: ")));

    let train = "train --model lenet5-1998 --data data --backend cpu --epochs 1 --validation 50 --batch 32 --out run";
    lenet(folder.path(), train).assert().success();
    let good = Weights::load(&folder.path().join("run/last.safetensors")).unwrap();
    let edited = |name: &str, index: usize, value: f32| {
        let mut weights = good.clone();
        let tensor = weights.tensors.iter_mut().find(|t| t.spec.name == name).unwrap();
        tensor.values[index] = value;
        weights.save(&folder.path().join("edited.safetensors")).unwrap();
        lenet(folder.path(), "eval --weights edited.safetensors --data data --backend cpu")
    };
    edited("c3.weight", 0, 0.5).assert().success();
    let absent = "edited.safetensors: tensor c3.weight[0,3,0,0] is 0.5 where this model keeps 0";
    edited("c3.weight", 75, 0.5).assert().code(2).stderr(contains(absent));
    let code = "edited.safetensors: tensor output.weight[1,1] is 1 where this model keeps -1";
    edited("output.weight", 85, 1.0).assert().code(2).stderr(contains(code));
    // Momentum and decay leave what is not trained as it is.
    for optimizer in ["sgd", "nesterov", "adam", "adamw"] {
        let flags = format!("{train}-{optimizer} --optimizer {optimizer} --weight-decay 0.1");
        lenet(folder.path(), &flags).assert().success();
        let eval = format!("eval --weights run-{optimizer}/checkpoint.safetensors --data data --backend cpu");
        lenet(folder.path(), &eval).assert().success();
        lenet(folder.path(), &format!("train --resume run-{optimizer}")).assert().success();
    }
}

#[test]
fn a_name_that_is_almost_right_is_suggested() {
    for (old, new, meant) in [
        ("channels = 3", "chanels = 3", "did you mean channels? "),
        ("\"max-pool\"", "\"maxpool\"", "did you mean max-pool? "),
        ("\"conv2d\"", "\"conv\"", "did you mean conv2d? "),
        ("initializer", "initialiser", "did you mean initializer? "),
        ("size = 2", "stride = 2", "possible there: size"),
    ] {
        let error = Description::from_toml(&SMALL.replacen(old, new, 1)).unwrap_err();
        assert!(error.hint().starts_with(meant), "{} / {meant}", error.hint());
    }
}

#[test]
fn no_part_of_a_file_makes_it_panic() {
    for (end, _) in SMALL.char_indices() {
        for text in [&SMALL[..end], &SMALL[end..]] {
            let _ = Description::from_toml(text).and_then(|description| description.model());
        }
    }
}

#[test]
fn the_command_explains_a_wrong_file_and_writes_nothing() {
    let folder = digits();
    fs::write(folder.path().join("wrong.toml"), SMALL.replace("kernel", "kernal")).unwrap();
    for command in
        ["train --data data", "summary", "bench", "check", "first-step --batch 1", "eval --weights w", "predict x"]
    {
        let output = lenet(folder.path(), &format!("{command} --model wrong.toml"));
        let named = contains("wrong.toml: layer c1: unknown field `kernal`").and(contains("did you mean kernel?"));
        // The files that eval and predict read first are missing too.
        let named = named.or(contains("error: w: ")).or(contains("error: x: "));
        output.assert().code(2).stderr(named).stdout("");
    }
    for (model, message) in [
        ("nowhere.toml", "nowhere.toml: "),
        ("data.toml", "data.toml: "),
        ("small", "no model is called 'small'"),
        ("small.tml", "no model is called 'small.tml'"),
    ] {
        let output = lenet(folder.path(), &format!("train --data data --backend cpu --model {model}"));
        output.assert().code(2).stderr(contains(message).and(contains("hint: ").and(contains("panicked").not())));
    }
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn the_network_of_the_readme_is_one() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("small.toml");
    fs::write(&path, rest.split("```").next().unwrap()).unwrap();
    let config = TrainConfig::defaults(path.to_str().unwrap(), None).unwrap();
    assert_eq!((config.model.as_str(), config.epochs, config.learning_rate), ("small", 4, 0.1));
}

/// The README names every kind of layer, as the error for a wrong kind does.
#[test]
fn the_readme_names_every_kind_of_layer() {
    let error = Description::from_toml(&MLP.replacen("dense", "wrong", 1)).unwrap_err();
    let (_, kinds) = error.hint().split_once("possible there: ").unwrap();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let row = readme.lines().find(|line| line.starts_with("| `layers` |")).unwrap();
    assert!(kinds.split(", ").count() > 4, "{kinds}");
    for kind in kinds.split(", ") {
        assert!(row.contains(&format!("`{kind}`")), "{kind}: {row}");
    }
}
