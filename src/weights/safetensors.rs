//! Safetensors files: named f32 tensors in PyTorch's layout, with metadata and a checksum over both.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use sha2::{Digest, Sha256};

#[cfg(feature = "files")]
use super::whole::write_whole;
use crate::error::{Error, Result};
use crate::model::{Tensor, TensorSpec};

/// Metadata key of the SHA-256 over every tensor and every other metadata entry.
const CHECKSUM: &str = "checksum";

/// Tensors and metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Tensors by name, in the order of the file.
    pub tensors: Vec<Tensor>,
    /// `model`, `seed`, `adapter`, `backend`, `driver`, `version`, `dataset`, `steps`, ...; empty for a
    /// file of another program.
    pub metadata: BTreeMap<String, String>,
}

impl Weights {
    /// Reads a file.
    ///
    /// Errors: unreadable, not safetensors, a tensor that is not f32, or a checksum that does not match.
    pub fn load(path: &Path) -> Result<Self> {
        let name = path.display();
        let bytes = fs::read(path).map_err(|e| Error::input(format!("{name}: {e}"), "give a safetensors file"))?;
        Self::from_bytes(&bytes).map_err(|e| e.context(name))
    }

    /// Reads the bytes of a file; see [`Weights::load`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let damaged = |why: String| Error::input(why, "the file is damaged or not safetensors; use another copy");
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|e| damaged(format!("not a safetensors file ({e})")))?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| damaged(format!("damaged ({e})")))?;
        let mut metadata: BTreeMap<String, String> =
            header.metadata().clone().unwrap_or_default().into_iter().collect();
        let mut tensors = Vec::new();
        for name in header.offset_keys() {
            let view = file.tensor(&name).map_err(|e| damaged(format!("damaged ({e})")))?;
            if view.dtype() != Dtype::F32 {
                return Err(Error::input(
                    format!("tensor {name} is {:?}, not F32", view.dtype()),
                    "save the weights in single precision",
                ));
            }
            let values = view.data().as_chunks().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
            tensors.push(Tensor { spec: TensorSpec { name, shape: view.shape().to_vec() }, values });
        }
        if let Some(stored) = metadata.remove(CHECKSUM)
            && stored != checksum(&tensors, &metadata)
        {
            return Err(damaged("damaged (its checksum does not match)".to_owned()));
        }
        Ok(Self { tensors, metadata })
    }

    /// The bytes of a file: the same for the same contents.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let failed = |e: String| Error::outcome(format!("weights cannot be encoded: {e}"), "");
        let mut tensors: Vec<&Tensor> = self.tensors.iter().collect();
        // The format lays tensors out in this order; the checksum runs over them in the same.
        tensors.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
        let ordered: Vec<Tensor> = tensors.into_iter().cloned().collect();
        let mut metadata = self.metadata.clone();
        metadata.insert(CHECKSUM.to_owned(), checksum(&ordered, &self.metadata));
        let payloads: Vec<Vec<u8>> =
            ordered.iter().map(|t| t.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
        let views = ordered
            .iter()
            .zip(&payloads)
            .map(|(t, payload)| {
                let view = TensorView::new(Dtype::F32, t.spec.shape.clone(), payload);
                Ok((t.spec.name.as_str(), view.map_err(|e| failed(e.to_string()))?))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut bytes = serialize(views, Some(metadata.into_iter().collect())).map_err(|e| failed(e.to_string()))?;

        // The crate writes metadata in the random order of a hash map; sorted, equal runs give equal files.
        let (length, _) = SafeTensors::read_metadata(&bytes).map_err(|e| failed(e.to_string()))?;
        let header = &mut bytes[8..8 + length];
        let sorted: serde_json::Value = serde_json::from_slice(header).map_err(|e| failed(e.to_string()))?;
        let sorted = format!("{:<length$}", sorted.to_string());
        if sorted.len() != length {
            return Err(failed("the header changed its length".to_owned()));
        }
        header.copy_from_slice(sorted.as_bytes());
        Ok(bytes)
    }

    /// Writes a file; a reader finds the old file or the new one, never a part.
    ///
    /// Errors: the folder cannot be written.
    #[cfg(feature = "files")]
    pub fn save(&self, path: &Path) -> Result<()> {
        write_whole(path, &self.to_bytes()?, || Ok(()))
    }
}

fn checksum(tensors: &[Tensor], metadata: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for (key, value) in metadata {
        part(key.as_bytes());
        part(value.as_bytes());
    }
    for tensor in tensors {
        part(tensor.spec.name.as_bytes());
        tensor.spec.shape.iter().for_each(|extent| part(&(*extent as u64).to_le_bytes()));
        tensor.values.iter().for_each(|value| part(&value.to_le_bytes()));
    }
    format!("sha256:{}", hex(&hash.finalize()))
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    fn weights() -> Weights {
        Weights {
            tensors: Model::preset("lenet5").unwrap().initial_weights(1).into_iter().take(4).collect(),
            metadata: [("model", "lenet5"), ("seed", "1"), ("config", "{\"lr\":0.05}"), ("dataset", "x\ny")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_equal_contents_give_equal_bytes() {
        let bytes = weights().to_bytes().unwrap();
        let mut read = Weights::from_bytes(&bytes).unwrap();
        read.tensors.sort_by_key(|t| weights().tensors.iter().position(|w| w.spec == t.spec));
        assert_eq!(read, weights());
        assert_eq!(weights().to_bytes().unwrap(), bytes);
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let bytes = weights().to_bytes().unwrap();
        let (header, _) = SafeTensors::read_metadata(&bytes).unwrap();
        let flips = (0..8 * (8 + header)).chain((8 * (8 + header)..8 * bytes.len()).step_by(97));
        for bit in flips {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match Weights::from_bytes(&flipped) {
                Err(_) => (),
                // Losing the name of the checksum itself leaves a file without one.
                Ok(read) => assert!(read.metadata.len() > weights().metadata.len(), "bit {bit} went unnoticed"),
            }
        }
    }

    #[test]
    fn a_cut_file_is_refused() {
        let bytes = weights().to_bytes().unwrap();
        for length in [0, 7, 8, 100, bytes.len() - 1] {
            assert_eq!(Weights::from_bytes(&bytes[..length]).unwrap_err().exit_code(), 2);
        }
    }
}
