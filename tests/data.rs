//! The embedded MNIST is the whole, true MNIST.

use lenet_gpu::data::{Dataset, Source, Split};
use sha2::{Digest, Sha256};

#[test]
fn embedded_mnist_is_complete() {
    for (split, samples, first_labels) in
        [(Split::Train, 60_000, [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]), (Split::Test, 10_000, [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])]
    {
        let mnist = Dataset::load(&Source::Embedded, split, (28, 28)).unwrap();
        assert_eq!((mnist.len(), mnist.height, mnist.width), (samples, 28, 28));
        assert_eq!(mnist.images.len(), samples * 28 * 28);
        assert_eq!(mnist.labels[..10], first_labels);
        assert_eq!(mnist.source, "embedded MNIST");
        mnist.check_classes(10).unwrap();
        assert!(mnist.check_classes(9).is_err());
    }
}

#[test]
fn a_folder_gives_the_same_as_the_embedded_files() {
    let folder = Source::Folder(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mnist").into());
    let read = Dataset::load(&folder, Split::Test, (32, 32)).unwrap();
    let embedded = Dataset::load(&Source::Embedded, Split::Test, (32, 32)).unwrap();
    assert_eq!(read, Dataset { source: folder.to_string(), ..embedded });
}

#[test]
fn the_committed_files_have_their_sums() {
    let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/mnist");
    let sums = std::fs::read_to_string(format!("{assets}/SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 4);
    for line in sums.lines() {
        let (expected, name) = line.split_once("  ").unwrap();
        let digest = Sha256::digest(std::fs::read(format!("{assets}/{name}")).unwrap());
        let actual: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(actual, expected, "{name}");
    }
}
