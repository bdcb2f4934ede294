//! Choices made by the fuzzer's bytes.

/// Takes choices from bytes, and goes on without them when they end: libFuzzer makes short inputs as long as
/// it does not see what they reach, and it sees that with a nightly compiler only.
pub struct Choices<'a> {
    bytes: &'a [u8],
    /// Of what is made when the bytes have ended.
    rest: u64,
    /// Of what the bytes are mixed with: the fuzzer likes to repeat one byte, and a run of the same
    /// choices makes the same response again and again.
    mask: u64,
}

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        // FNV-1a: short inputs that differ by little go on differently.
        let state = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |state, &byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let (rest, mask) = (state, 0);
        Self { bytes, rest, mask }
    }

    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.bytes.split_first() else {
            return split_mix(&mut self.rest);
        };
        self.bytes = rest;
        first ^ split_mix(&mut self.mask)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        let number = (0..3).fold(0, |number, _| number << 8 | usize::from(self.byte()));
        number % end
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u8) -> bool {
        self.byte() % times == 0
    }

    pub fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    /// What is left of the fuzzer's own bytes, or a few that were made.
    pub fn raw(&mut self) -> Vec<u8> {
        if self.bytes.is_empty() {
            let length = self.below(40);
            return (0..length).map(|_| self.byte()).collect();
        }
        std::mem::take(&mut self.bytes).to_vec()
    }
}

fn split_mix(state: &mut u64) -> u8 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 56) as u8
}
