//! Whether an MP4 is whole by its own structure.
//!
//! It is a sequence of boxes, each with its size in front, so a missing end shows without any announced length.
//! [`Boxes`] reads those sizes as the bytes come and keeps nothing else. Three cuts do not show: within a last box of size
//! 0, which reaches to the end of the file; between two fragments; and between boxes behind a complete `moov` and `mdat`.
//! Only an announced length shows those.

/// The boxes of an MP4, read as its bytes come, in constant memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Boxes {
    /// How many bytes came.
    at: u64,
    /// The header of the box that comes next, as far as it is here: size and type, and where the size is 1 the real one.
    header: [u8; LONGEST_HEADER],
    held: usize,
    /// The box whose content comes, and how many bytes of it are to come.
    current: Option<Current>,
    left: u64,
    seen: Seen,
}

const SHORT_HEADER: usize = 8;
const LONGEST_HEADER: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    kind: [u8; 4],
    begin: u64,
    extent: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Sized,
    /// Size 0: to the end of the file.
    Rest,
    /// No box: its size is smaller than its header, or padding.
    Junk,
}

/// The complete boxes that decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    moov: bool,
    mdat: bool,
    /// A `moof` whose `mdat` has not come.
    open_moof: bool,
}

impl Seen {
    fn complete(&mut self, kind: [u8; 4]) {
        match &kind {
            b"moov" => self.moov = true,
            b"mdat" => (self.mdat, self.open_moof) = (true, false),
            b"moof" => self.open_moof = true,
            _ => {}
        }
    }
}

/// The types that stand at the top of a file: only these reach past the end because of a cut, where a file may be padded.
const KNOWN: [&[u8; 4]; 17] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"ssix", b"prft", b"emsg", b"pdin", b"meta",
    b"udta", b"free", b"skip", b"wide", b"uuid",
];

impl Boxes {
    /// Takes in the next bytes.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let count = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.skip(count as u64);
                bytes = &bytes[count..];
                continue;
            }
            let (next, rest) = bytes.split_at(bytes.len().min(self.wanted() - self.held));
            self.header[self.held..self.held + next.len()].copy_from_slice(next);
            self.held += next.len();
            self.at += next.len() as u64;
            bytes = rest;
            if self.held == self.wanted() {
                self.begin();
            }
        }
    }

    /// Passes over bytes of the current box.
    fn skip(&mut self, count: u64) {
        self.at += count;
        self.left -= count.min(self.left);
        if self.left == 0
            && let Some(ended) = self.current.take()
        {
            self.seen.complete(ended.kind);
        }
    }

    /// What is missing if the bytes end here; nothing if the file is whole.
    pub(crate) fn missing(&self) -> Option<String> {
        let mut seen = self.seen;
        match self.current {
            Some(Current { kind, extent: Extent::Rest, .. }) => seen.complete(kind),
            Some(Current { begin, extent: Extent::Junk, .. }) if !self.is_padded() => {
                return Some(format!("there is no box at byte {begin}"));
            }
            Some(Current { kind, begin, extent: Extent::Sized }) if !self.is_padded() || is_known(&kind) => {
                return Some(format!("its box `{}` at byte {begin} reaches past the end", kind.escape_ascii()));
            }
            _ if self.held > 0 && (!self.is_padded() || (self.held >= SHORT_HEADER && is_known(&self.kind()))) => {
                return Some(format!("the header of its box at byte {} is cut", self.at - self.held as u64));
            }
            _ => {}
        }
        let missing = match seen {
            Seen { moov: false, .. } => "moov",
            Seen { mdat: false, .. } | Seen { open_moof: true, .. } => "mdat",
            _ => return None,
        };
        Some(format!("its box `{missing}` is missing"))
    }

    /// Whether all that makes a video is here, so that what comes may be anything.
    fn is_padded(&self) -> bool {
        self.seen.moov && self.seen.mdat
    }

    fn kind(&self) -> [u8; 4] {
        [self.header[4], self.header[5], self.header[6], self.header[7]]
    }

    fn short_size(&self) -> u32 {
        u32::from_be_bytes([self.header[0], self.header[1], self.header[2], self.header[3]])
    }

    /// How long the header is that comes.
    fn wanted(&self) -> usize {
        if self.held >= SHORT_HEADER && self.short_size() == 1 { LONGEST_HEADER } else { SHORT_HEADER }
    }

    /// A header is here: its box begins.
    fn begin(&mut self) {
        let (kind, held) = (self.kind(), std::mem::take(&mut self.held) as u64);
        let begin = self.at - held;
        let size = match self.short_size() {
            1 => {
                let [.., a, b, c, d, e, f, g, h] = self.header;
                u64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
            size => size.into(),
        };
        let is_first_wrong = begin == 0 && &kind != b"ftyp";
        let (extent, left) = match size.checked_sub(held) {
            _ if is_first_wrong => (Extent::Junk, u64::MAX),
            Some(left) => (Extent::Sized, left),
            None if size == 0 && is_known(&kind) => (Extent::Rest, u64::MAX),
            None => (Extent::Junk, u64::MAX),
        };
        self.current = Some(Current { kind, begin, extent });
        self.left = left;
        self.skip(0);
    }
}

fn is_known(kind: &[u8; 4]) -> bool {
    KNOWN.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box with a size of 32 bits.
    fn sized(kind: &str, content: &[u8]) -> Vec<u8> {
        claimed(kind, (SHORT_HEADER + content.len()) as u32, content)
    }

    /// A box that says it has this size.
    fn claimed(kind: &str, size: u32, content: &[u8]) -> Vec<u8> {
        [&size.to_be_bytes()[..], kind.as_bytes(), content].concat()
    }

    /// A box with a size of 64 bits.
    fn long(kind: &str, size: u64, content: &[u8]) -> Vec<u8> {
        [&1_u32.to_be_bytes()[..], kind.as_bytes(), &size.to_be_bytes(), content].concat()
    }

    fn ftyp() -> Vec<u8> {
        sized("ftyp", b"isom\0\0\x02\0isom")
    }

    fn moov() -> Vec<u8> {
        sized("moov", &sized("mvhd", &[0; 20]))
    }

    fn mdat() -> Vec<u8> {
        sized("mdat", &[7; 30])
    }

    fn moof() -> Vec<u8> {
        sized("moof", &sized("mfhd", &[0; 8]))
    }

    fn faststart() -> Vec<u8> {
        [ftyp(), moov(), sized("free", &[]), mdat()].concat()
    }

    fn missing(bytes: &[u8]) -> Option<String> {
        let mut boxes = Boxes::default();
        boxes.take(bytes);
        boxes.missing()
    }

    #[test]
    fn a_video_is_whole_by_its_boxes_alone() {
        let uuid = sized("uuid", b"0123456789abcdef and more");
        for (name, boxes) in [
            ("moov in front", vec![ftyp(), moov(), mdat()]),
            ("moov behind", vec![ftyp(), sized("wide", &[]), mdat(), moov()]),
            ("several mdat", vec![ftyp(), mdat(), mdat(), moov()]),
            ("brand qt", vec![sized("ftyp", b"qt  \0\0\x02\0qt  "), moov(), mdat()]),
            ("fragments", vec![ftyp(), moov(), moof(), mdat(), moof(), mdat(), sized("mfra", &[0; 9])]),
            ("sizes of 64 bits", vec![ftyp(), moov(), long("mdat", 16 + 5, &[7; 5])]),
            ("unknown and uuid boxes", vec![ftyp(), uuid, sized("abcd", &[1; 3]), moov(), mdat(), sized("Xtra", &[1])]),
            ("an mdat to the end", vec![ftyp(), moov(), claimed("mdat", 0, &[7; 30])]),
            ("a free to the end", vec![ftyp(), moov(), mdat(), claimed("free", 0, &[7; 30])]),
            ("an empty mdat", vec![ftyp(), mdat(), moov(), sized("mdat", &[])]),
            ("one zero behind", vec![faststart(), vec![0]]),
            ("zeros behind", vec![faststart(), vec![0; 300]]),
            ("a line end behind", vec![faststart(), b"\r\n".to_vec()]),
            ("a page behind", vec![faststart(), b"<html><body>bye</body></html>".to_vec()]),
            ("noise behind", vec![faststart(), vec![7; 300]]),
            ("too small a size behind", vec![faststart(), claimed("free", 7, &[])]),
            ("too small a size of 64 bits behind", vec![faststart(), long("mdat", 15, &[])]),
            ("an unknown box that is cut behind", vec![faststart(), claimed("Xtra", 99, &[1; 3])]),
        ] {
            assert_eq!(missing(&boxes.concat()), None, "{name}");
        }
    }

    #[test]
    fn a_video_whose_box_or_header_is_cut_or_missing_is_not_whole() {
        for (name, boxes, reason) in [
            ("nothing", vec![], "`moov` is missing"),
            ("a type alone", vec![ftyp()], "`moov` is missing"),
            (
                "an mdat that is cut",
                vec![ftyp(), moov(), claimed("mdat", 0x30d18, &[7; 30])],
                "`mdat` at byte 56 reaches",
            ),
            ("a moov that is cut", vec![ftyp(), mdat(), claimed("moov", 99, &[0; 3])], "`moov` at byte 58 reaches"),
            ("no moov", vec![ftyp(), mdat()], "`moov` is missing"),
            ("no moov, mdat to the end", vec![ftyp(), claimed("mdat", 0, &[7; 30])], "`moov` is missing"),
            ("no mdat", vec![ftyp(), moov(), sized("free", &[])], "`mdat` is missing"),
            ("a last moof alone", vec![ftyp(), moov(), moof(), mdat(), moof()], "`mdat` is missing"),
            ("a last moof and zeros", vec![ftyp(), moov(), moof(), mdat(), moof(), vec![0; 9]], "`mdat` is missing"),
            ("a last moof that is cut", vec![faststart(), claimed("moof", 99, &[0; 9])], "`moof` at byte"),
            ("a known box that is cut behind", vec![faststart(), claimed("udta", 99, &[1; 3])], "`udta` at byte"),
            ("a size of 64 bits beyond all files", vec![ftyp(), moov(), long("mdat", u64::MAX, &[7; 9])], "`mdat`"),
            ("a size of 64 bits that is cut", vec![faststart(), long("mdat", 99, &[])[..13].to_vec()], "header"),
            ("a header that is cut", vec![ftyp(), moov(), mdat()[..7].to_vec()], "header of its box at byte 56 is cut"),
            ("zeros before moov", vec![ftyp(), vec![0; 99], moov(), mdat()], "no box at byte 20"),
            ("too small a size", vec![ftyp(), claimed("moov", 7, &[0; 99])], "no box at byte 20"),
            ("another first box", vec![moov(), ftyp(), mdat()], "no box at byte 0"),
        ] {
            let found = missing(&boxes.concat()).expect(name);
            assert!(found.contains(reason), "{name}: {found}");
        }
    }

    #[test]
    fn a_cut_shows_at_every_byte_but_where_only_a_length_can_tell() {
        let fragments = [ftyp(), moov(), moof(), mdat(), moof(), mdat()].concat();
        let first = fragments.len() - moof().len() - mdat().len();
        let film = faststart();
        let behind = [ftyp(), mdat(), moov()].concat();
        let endless = [ftyp(), moov(), claimed("mdat", 0, &[7; 30])].concat();
        let padded = [faststart(), vec![0; 20]].concat();
        for (name, file, hidden) in [
            ("moov in front", &film, film.len()..film.len()),
            ("moov behind", &behind, behind.len()..behind.len()),
            // A type of its own is not there before its header is.
            ("fragments", &fragments, first..first + SHORT_HEADER),
            ("an mdat to the end", &endless, endless.len() - 30..endless.len()),
            ("zeros behind", &padded, padded.len() - 20..padded.len()),
        ] {
            for cut in 0..file.len() {
                assert_eq!(missing(&file[..cut]).is_none(), hidden.contains(&cut), "{name} cut at byte {cut}");
            }
            assert_eq!(missing(file), None, "{name}");
        }
    }

    #[test]
    fn pieces_of_any_size_change_nothing() {
        let file = [faststart(), moof(), long("mdat", 16 + 40, &[7; 40]), vec![0; 5]].concat();
        for length in [file.len(), file.len() - 20, 30] {
            let mut whole = Boxes::default();
            whole.take(&file[..length]);
            for size in [1, 2, 3, 5, 7, 8, 11, 16, 17, 64] {
                let mut pieces = Boxes::default();
                file[..length].chunks(size).for_each(|piece| pieces.take(piece));
                assert_eq!(pieces, whole, "{size} of {length}");
            }
        }
    }
}
