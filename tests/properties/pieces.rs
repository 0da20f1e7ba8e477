//! Ways to cut a stream of bytes.

/// All at once, byte by byte, in pieces of one length, and in pieces of many lengths, empty ones too; `dice` chooses the lengths.
pub fn ways(bytes: &[u8], dice: u8) -> [Vec<&[u8]>; 4] {
    let even = bytes.chunks(usize::from(dice) + 1).collect();
    let (mut odd, mut rest, mut state) = (Vec::new(), bytes, u32::from(dice));
    while !rest.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (piece, left) = rest.split_at((state >> 24) as usize % 11 % (rest.len() + 1));
        odd.push(piece);
        rest = left;
    }
    [vec![bytes], bytes.chunks(1).collect(), even, odd]
}
