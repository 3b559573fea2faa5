//! Floating-point numbers in files: bytes in little-endian order.

use half::{bf16, f16};
use veilsum::dp::Values;

use super::node::{Node, Outcome};

/// The most numbers that a vector may make this program allocate.
const ROOM: u64 = 1 << 24;

/// A length that is not absurd.
pub(super) fn room(node: &Node<'_>, len: u64) -> Outcome<usize> {
    node.holds(len <= ROOM, "no more than 2^24 values")?;
    usize::try_from(len).map_err(|e| node.fails("a length", e))
}

/// Numbers of one type.
pub(super) enum Numbers {
    F64(Vec<f64>),
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
}

impl Numbers {
    /// The numbers under `values`, of this type.
    pub(super) fn of(kind: &Node<'_>, values: &Node<'_>) -> Outcome<Self> {
        let bytes = values.bytes()?;
        Ok(match kind.text()? {
            "f64" => Self::F64(doubles(values)?),
            "f32" => Self::F32(whole(values, &bytes, f32::from_le_bytes)?),
            "f16" => Self::F16(whole(values, &bytes, f16::from_le_bytes)?),
            "bf16" => Self::Bf16(whole(values, &bytes, bf16::from_le_bytes)?),
            other => return Err(kind.fails("f64, f32, f16 or bf16", other)),
        })
    }

    pub(super) fn as_values(&self) -> &dyn Values {
        match self {
            Self::F64(numbers) => numbers,
            Self::F32(numbers) => numbers,
            Self::F16(numbers) => numbers,
            Self::Bf16(numbers) => numbers,
        }
    }
}

fn whole<const N: usize, T>(node: &Node<'_>, bytes: &[u8], number: fn([u8; N]) -> T) -> Outcome<Vec<T>> {
    let (numbers, rest) = bytes.as_chunks();
    node.holds(rest.is_empty(), "whole numbers")?;
    Ok(numbers.iter().map(|bytes| number(*bytes)).collect())
}

pub(super) fn doubles(node: &Node<'_>) -> Outcome<Vec<f64>> {
    whole(node, &node.bytes()?, f64::from_le_bytes)
}

/// Compares numbers of this library with those under `key`, bit by bit.
pub(super) fn are_doubles(node: &Node<'_>, key: &str, values: &[f64]) -> Outcome {
    node.is(key, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}
