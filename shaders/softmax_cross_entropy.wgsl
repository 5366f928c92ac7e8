// Softmax, cross-entropy with label smoothing, its gradient, the predicted class, and sums of scores.
//
// A workgroup is one block, a thread per lane. With RUBBISH 1 the softmax has one more logit, that of no class. With
// RIVALS 0 the loss is of the target's logit alone.

struct Geometry {
    classes: u32,
    blocks: u32,
    rubbish: f32, // logit of the rubbish
    scale: f32,   // of the loss and its gradient
}

struct Step {
    start: u32,
    count: u32,
    row: u32,
    learning_rate: f32,
    momentum: f32,
    beta2: f32,
    epsilon: f32,
    weight_decay: f32,
    label_smoothing: f32,
}

@group(0) @binding(0) var<storage, read> logits: array<Samples>;
@group(0) @binding(1) var<storage, read> targets: array<Places>;
@group(0) @binding(2) var<storage, read_write> probabilities: array<Samples>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<Samples>;
// Per step and block the sums of (loss, correct, 1, 0) over the samples: the host adds the blocks.
@group(0) @binding(4) var<storage, read_write> metrics: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> predictions: array<u32>;
@group(0) @binding(7) var<storage, read> step: Step;

const MASKED = 0xffffffffu;

var<workgroup> scores: array<vec4f, LANES>;

// The target of class `c` per sample, 0 to 1.
fn target_of(c: u32, labels: Places) -> Samples {
    let elsewhere = step.label_smoothing / f32(geometry.classes);
    return select(Samples(elsewhere), Samples(1.0 - step.label_smoothing + elsewhere), labels == Places(c));
}

// What the samples of a lane have in common.
struct Scored {
    first: u32, // of their logits
    labels: Places,
    largest: Samples,
    log_total: Samples,
}

// Probabilities, predictions and scores.
fn score(block: u32, lane: u32) -> Scored {
    let labels = targets[(step.row * geometry.blocks + block) * LANES + lane];
    let first = block * geometry.classes * LANES + lane;
    var largest = logits[first];
    var predicted = Places();
    for (var c = 1u; c < geometry.classes; c++) {
        let value = logits[first + c * LANES];
        predicted = select(predicted, Places(c), value > largest);
        largest = max(largest, value);
    }
    var exponentials = Samples();
    if RUBBISH == 1u {
        largest = max(largest, Samples(geometry.rubbish));
        exponentials = exp(Samples(geometry.rubbish) - largest);
    }
    for (var c = 0u; c < geometry.classes; c++) { exponentials += exp(logits[first + c * LANES] - largest); }
    let log_total = log(exponentials);
    var loss = Samples();
    for (var c = 0u; c < geometry.classes; c++) {
        let log_p = logits[first + c * LANES] - largest - log_total;
        loss -= target_of(c, labels) * select(logits[first + c * LANES], log_p, RIVALS == 1u);
        probabilities[first + c * LANES] = exp(log_p);
    }
    let present = labels != Places(MASKED);
    let ones = select(Samples(), Samples(1.0), present);
    let correct = select(Samples(), ones, predicted == labels);
    scores[lane] = vec4f(total(select(Samples(), loss * geometry.scale, present)), total(correct), total(ones), 0.0);
    for (var n = 0u; n < PER_LANE; n++) { // unroll
        let sample = step.start + (block * LANES + lane) * PER_LANE + n;
        if place_of(labels, n) != MASKED { predictions[sample] = place_of(predicted, n); }
    }
    return Scored(first, labels, largest, log_total);
}

fn store_scores(block: u32, lane: u32) {
    workgroupBarrier();
    if lane > 0u { return; }
    var sum = vec4f();
    for (var other = 0u; other < LANES; other++) { sum += scores[other]; }
    metrics[step.row * geometry.blocks + block] = sum;
}

@compute @workgroup_size(LANES)
fn softmax_cross_entropy_evaluate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    score(group.x, lane);
    store_scores(group.x, lane);
}

@compute @workgroup_size(LANES)
fn softmax_cross_entropy(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let s = score(group.x, lane);
    let scale = select(Samples(), Samples(geometry.scale / f32(step.count)), s.labels != Places(MASKED));
    for (var c = 0u; c < geometry.classes; c++) {
        let p = exp(logits[s.first + c * LANES] - s.largest - s.log_total);
        dlogits[s.first + c * LANES] = (select(Samples(), p, RIVALS == 1u) - target_of(c, s.labels)) * scale;
    }
    store_scores(group.x, lane);
}
