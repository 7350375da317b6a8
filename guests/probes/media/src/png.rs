//! A PNG without a compressor: what zlib calls stored blocks.

/// A square of `side` pixels, each of another colour than its neighbours.
pub fn square(side: u32) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..side {
        rows.push(0); // no filter
        for x in 0..side {
            let shade = |n: u32| (n * 255 / side) as u8;
            rows.extend([shade(x), shade(y), (x * y) as u8]);
        }
    }
    let mut header = [side.to_be_bytes(), side.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]); // eight bits of red, green and blue each
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &stored(&rows));
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let begin = file.len();
    file.extend(kind);
    file.extend(data);
    let sum = crc(&file[begin..]);
    file.extend(sum.to_be_bytes());
}

fn stored(data: &[u8]) -> Vec<u8> {
    let mut zlib = vec![0x78, 0x01];
    let mut blocks = data.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        zlib.push(u8::from(blocks.peek().is_none()));
        zlib.extend(length.to_le_bytes());
        zlib.extend((!length).to_le_bytes());
        zlib.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    zlib.extend((b << 16 | a).to_be_bytes());
    zlib
}

fn crc(data: &[u8]) -> u32 {
    let mut table = [0_u32; 256];
    for (n, entry) in table.iter_mut().enumerate() {
        *entry = (0..8).fold(n as u32, |c, _| match c & 1 {
            1 => 0xedb8_8320 ^ (c >> 1),
            _ => c >> 1,
        });
    }
    let next = |c: u32, byte: &u8| table[usize::from(c as u8 ^ byte)] ^ (c >> 8);
    !data.iter().fold(!0, next)
}
