//! The files that the sandbox serves as outputs: a film drawn by the project, and an image and sounds made here.

use std::f64::consts::TAU;
use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// The film that a sandbox serves unless it is given another: 5.1 s, drawn by the project.
pub(crate) static FILM: &[u8] = include_bytes!("../assets/video.mp4");

/// Length of the sounds.
pub(crate) const AUDIO_SECONDS: u32 = 3;

/// A PNG: a gray gradient, large enough to be an input image of another task.
pub(crate) fn png() -> Vec<u8> {
    const SIDE: u32 = 360;
    // Each row begins with its filter, which is none.
    let rows = (0..SIDE).flat_map(|y| std::iter::once(0).chain((0..SIDE).map(move |x| ((x + y) / 4) as u8)));
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let _ = pixels.write_all(&rows.collect::<Vec<u8>>());
    let pixels = pixels.finish().unwrap_or_default();
    // 8 bits of gray, not interlaced.
    let header = [&SIDE.to_be_bytes()[..], &SIDE.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", &header), (b"IDAT", &pixels), (b"IEND", &Vec::new())] {
        let mut crc = Crc::new();
        crc.update(name);
        crc.update(data);
        file.extend((data.len() as u32).to_be_bytes());
        file.extend([&name[..], data, &crc.sum().to_be_bytes()].concat());
    }
    file
}

/// An MP3 of silence: MPEG-1 layer III, 32 kbit/s, 48 kHz, mono, in which a frame has 96 bytes and lasts 24 ms.
pub(crate) fn mp3() -> Vec<u8> {
    let mut frame = [0; 96];
    // Side information of zeros says that no frequency has any energy.
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x14, 0xc0]);
    frame.repeat(AUDIO_SECONDS as usize * 1000 / 24)
}

/// A WAV with a tone of 440 Hz: 16 bits, 8 kHz, mono.
pub(crate) fn wav() -> Vec<u8> {
    const RATE: u32 = 8000;
    let sample = |n: u32| ((f64::from(n) * 440.0 * TAU / f64::from(RATE)).sin() * 8000.0) as i16;
    let data: Vec<u8> = (0..RATE * AUDIO_SECONDS).flat_map(|n| sample(n).to_le_bytes()).collect();
    let length = data.len() as u32;
    let (size, bytes_per_second) = ((36 + length).to_le_bytes(), (2 * RATE).to_le_bytes());
    // PCM, one channel; then the bytes and the bits of a sample.
    let format = [&[16, 0, 0, 0, 1, 0, 1, 0][..], &RATE.to_le_bytes(), &bytes_per_second, &[2, 0, 16, 0]].concat();
    [&b"RIFF"[..], &size, b"WAVEfmt ", &format, b"data", &length.to_le_bytes(), &data].concat()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn number(bytes: &[u8]) -> usize {
        bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    #[test]
    fn the_png_has_its_chunks_with_their_checksums_and_all_its_rows() {
        let file = png();
        let mut rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n").expect("a PNG");
        let mut names = Vec::new();
        while !rest.is_empty() {
            let length = number(&rest[..4]);
            let (name, data) = (&rest[4..8], &rest[8..8 + length]);
            let mut crc = Crc::new();
            crc.update(&rest[4..8 + length]);
            assert_eq!(number(&rest[8 + length..12 + length]), crc.sum() as usize);
            if name == b"IDAT" {
                let mut rows = Vec::new();
                flate2::read::ZlibDecoder::new(data).read_to_end(&mut rows).expect("it is whole");
                assert_eq!(rows.len(), 360 * 361);
            }
            names.push(name.to_vec());
            rest = &rest[12 + length..];
        }
        assert_eq!(names, [b"IHDR", b"IDAT", b"IEND"]);
        assert!(file.len() < 60 * 1024, "{} bytes", file.len());
    }

    #[test]
    fn the_mp3_is_whole_frames_of_the_length_that_their_header_says() {
        let file = mp3();
        let [0xff, 0xfb, rates, 0xc0, ..] = file[..] else {
            panic!("{:x?}", &file[..4]);
        };
        // Index 1 of both tables of layer III: 32 kbit/s and 48 kHz, without padding.
        assert_eq!((rates >> 4, rates & 0b1111), (1, 0b0100));
        let (frame, samples) = (144 * 32_000 / 48_000, 1152);
        assert!(file.chunks(frame).all(|part| part.len() == frame && part[..4] == file[..4]));
        assert_eq!(file.len() / frame * samples, 48_000 * AUDIO_SECONDS as usize);
    }

    #[test]
    fn the_wav_has_the_lengths_that_its_header_says_and_a_sound() {
        let file = wav();
        let little = |at: usize| file[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte));
        assert_eq!((&file[..4], &file[8..16], &file[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
        assert_eq!((little(4) + 8, little(40) + 44), (file.len(), file.len()));
        assert_eq!((little(24), little(28)), (8000, 16_000));
        assert_eq!(file.len() - 44, 2 * 8000 * AUDIO_SECONDS as usize);
        assert!(file[44..].iter().any(|byte| *byte != 0));
    }
}
