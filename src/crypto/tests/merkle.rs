//! The Merkle tree of section 12, against the recursive definition of RFC 6962, section 2.1.

use alloc::{vec, vec::Vec};

use super::h;
use crate::{
    crypto::merkle::{Path, Tree, climb, leaf as merkle_leaf},
    hash::Hash,
};

/// Chunk `place` of a vector of chunks with different bytes and lengths.
fn chunk(place: u64) -> Vec<u8> {
    (0..place % 5 * 9).map(|byte| (byte * 7 + place).to_le_bytes()[0]).collect()
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|place| h("leaf", &[&place.to_le_bytes(), &chunk(place)])).collect()
}

/// `MTH` of RFC 6962 with the labels of section 12.
fn top(leaves: &[Hash]) -> Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let mut split = 1;
    while split * 2 < leaves.len() {
        split *= 2;
    }
    h("node", &[&top(&leaves[..split]), &top(&leaves[split..])])
}

fn root(top: &Hash, vector_len: u64, chunk_len: u32) -> Hash {
    h("root", &[&vector_len.to_le_bytes(), &chunk_len.to_le_bytes(), top])
}

fn push(tree: &mut Tree, bytes: &[u8]) {
    let mut hasher = tree.leaf(bytes.len() as u64);
    hasher.continue_part(bytes);
    tree.push(hasher.finish());
}

fn tree(chunks: &[Vec<u8>]) -> Tree {
    let mut tree = Tree::default();
    chunks.iter().for_each(|bytes| push(&mut tree, bytes));
    tree
}

#[test]
fn the_root_is_that_of_the_recursive_tree_after_every_leaf() {
    let mut tree = Tree::default();
    // Every vector has a chunk; before the first of them the top is zero.
    assert_eq!(tree.root(9, 64), root(&[0; 32], 9, 64));
    for count in 1..=70 {
        push(&mut tree, &chunk(count - 1));
        assert_eq!(tree.leaves(), count);
        assert_eq!(tree.root(count, 64), root(&top(&leaves(count)), count, 64), "{count}");
    }
}

/// The shapes of 1, 2, 3, 5 and 6 leaves spelled out, so that the recursion above is checked too.
#[test]
fn small_trees_have_the_shapes_of_rfc_6962() {
    let l = leaves(6);
    let node = |left: &Hash, right: &Hash| h("node", &[left, right]);
    let (ab, cd, ef) = (node(&l[0], &l[1]), node(&l[2], &l[3]), node(&l[4], &l[5]));
    let abcd = node(&ab, &cd);
    let tops = [(1, l[0]), (2, ab), (3, node(&ab, &l[2])), (4, abcd), (5, node(&abcd, &l[4])), (6, node(&abcd, &ef))];
    for (count, expected) in tops {
        let chunks: Vec<_> = (0..count).map(chunk).collect();
        assert_eq!(tree(&chunks).root(7, 128), root(&expected, 7, 128), "{count}");
    }
}

#[test]
fn a_leaf_may_arrive_in_any_pieces() {
    let bytes: Vec<u8> = (0..200).collect();
    let mut whole = Tree::default();
    push(&mut whole, &bytes);
    for cut in 0..=bytes.len() {
        let mut pieces = Tree::default();
        let mut hasher = pieces.leaf(200);
        hasher.continue_part(&bytes[..cut]);
        hasher.continue_part(&bytes[cut..]);
        pieces.push(hasher.finish());
        assert_eq!(pieces.root(1, 64), whole.root(1, 64), "{cut}");
    }
}

#[test]
fn every_byte_every_boundary_the_order_and_the_dimensions_change_the_root() {
    let chunks: Vec<Vec<u8>> = (1..=7_u8).map(|fill| vec![fill; 8]).collect();
    let honest = tree(&chunks).root(56, 64);
    let mut roots = vec![honest, tree(&chunks).root(57, 64), tree(&chunks).root(56, 128)];
    for place in 0..chunks.len() {
        for byte in 0..8 {
            let mut changed = chunks.clone();
            changed[place][byte] ^= 0x80;
            roots.push(tree(&changed).root(56, 64));
        }
        // The last byte of one chunk moved to the front of the next, two chunks exchanged, and one left out or said twice.
        let next = (place + 1) % chunks.len();
        let (mut moved, mut swapped, mut shorter, mut longer) = (chunks.clone(), chunks.clone(), chunks.clone(), chunks.clone());
        let byte = moved[place].pop().unwrap();
        moved[next].insert(0, byte);
        swapped.swap(place, next);
        shorter.remove(place);
        longer.insert(place, chunks[place].clone());
        roots.extend([moved, swapped, shorter, longer].map(|chunks| tree(&chunks).root(56, 64)));
    }
    let count = roots.len();
    roots.sort_unstable();
    roots.dedup();
    assert_eq!(roots.len(), count);
}

/// Nodes and leaves have labels of their own: the hash of a node's two halves as a chunk is not the node.
#[test]
fn an_inner_node_is_no_leaf() {
    let halves = leaves(2);
    let whole = tree(&[chunk(0), chunk(1)]).root(2, 64);
    assert_ne!(tree(&[halves.concat()]).root(2, 64), whole);
}

#[test]
fn a_copy_goes_on_alone() {
    let mut first = tree(&[chunk(0), chunk(1), chunk(2)]);
    let mut second = first.clone();
    push(&mut first, &chunk(3));
    push(&mut second, b"something else");
    assert_eq!(first.root(4, 64), root(&top(&leaves(4)), 4, 64));
    assert_ne!(second.root(4, 64), first.root(4, 64));
}

/// `PATH` of RFC 6962, section 2.1.1.
fn path(place: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let mut split = 1;
    while split * 2 < leaves.len() {
        split *= 2;
    }
    let (left, right) = leaves.split_at(split);
    let (mut nodes, other) =
        if place < split { (path(place, left), top(right)) } else { (path(place - split, right), top(left)) };
    nodes.push(other);
    nodes
}

#[test]
fn a_path_is_the_one_of_rfc_6962_and_leads_from_its_leaf_alone_to_the_top() {
    for count in 1..=40 {
        let leaves = leaves(count);
        for place in 0..count {
            let mut collected = Path::of(place, count);
            leaves.iter().zip(0..).for_each(|(leaf, index)| collected.push(index, *leaf));
            let (nodes, leaf) = (collected.hashes().collect::<Vec<_>>(), leaves[usize::try_from(place).unwrap()]);
            assert_eq!(nodes, path(usize::try_from(place).unwrap(), &leaves), "{place} of {count}");
            assert_eq!(climb(place, count, leaf, &nodes), Some(top(&leaves)));
            let other = leaves[usize::try_from((place + 1) % count).unwrap()];
            assert_eq!(climb(place, count, other, &nodes) == Some(top(&leaves)), count == 1);
            assert_eq!(climb(place, count, leaf, &[&nodes[..], &[leaf]].concat()), None);
            assert_eq!(merkle_leaf(place, &chunk(place)), leaf);
        }
    }
}
