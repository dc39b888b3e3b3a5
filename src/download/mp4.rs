//! Whether an MP4 is whole by its own structure: a sequence of boxes, each with its size in front, so that a missing end
//! shows without any announced length. The cuts that do not show are listed at [`Download`](super::Download).

/// The boxes of an MP4, read as its bytes come. Nothing is kept but the header of one box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Boxes {
    /// How many bytes came.
    at: u64,
    /// How many are to come of the header or the content that is being read.
    left: u64,
    /// The header, as far as it is here: size and type, and where the size is 1 the real one.
    header: Vec<u8>,
    /// What follows the header, once that is here.
    content: Option<Content>,
    moov: bool,
    mdat: bool,
    /// A `moof` whose `mdat` has not come.
    open_moof: bool,
}

const SHORT_HEADER: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// That of a box of this type, which begins at this byte.
    Sized([u8; 4], u64),
    /// That of a box of size 0: to the end of the file.
    Rest,
    /// No box begins at this byte: its size is smaller than its header, or padding.
    Junk(u64),
}

/// The types that stand at the top of a file: only these reach past the end because of a cut, where a file may be padded.
const KNOWN: [&[u8]; 17] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"ssix", b"prft", b"emsg", b"pdin", b"meta",
    b"udta", b"free", b"skip", b"wide", b"uuid",
];

impl Boxes {
    pub(crate) const NEW: Self = Self {
        at: 0,
        left: SHORT_HEADER as u64,
        header: Vec::new(),
        content: None,
        moov: false,
        mdat: false,
        open_moof: false,
    };

    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (next, rest) = bytes.split_at(bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX)));
            if self.content.is_none() {
                self.header.extend_from_slice(next);
            }
            self.at += next.len() as u64;
            self.left -= next.len() as u64;
            bytes = rest;
            while self.left == 0 {
                self.advance();
            }
        }
    }

    /// Goes on from a header to its content, or from that to the next header.
    fn advance(&mut self) {
        if let Some(content) = self.content.take() {
            if let Content::Sized(kind, _) = content {
                self.complete(kind);
            }
            self.header.clear();
            self.left = SHORT_HEADER as u64;
            return;
        }
        let (size, rest) = self.header.split_at(4);
        let kind = [rest[0], rest[1], rest[2], rest[3]];
        let (short, long) = (number(size), &rest[4..]);
        if short == 1 && long.is_empty() {
            self.left = 8;
            return;
        }
        let size = if short == 1 { number(long) } else { short };
        let begin = self.at - self.header.len() as u64;
        let left = size.checked_sub(self.header.len() as u64).filter(|_| begin > 0 || &kind == b"ftyp");
        self.left = left.unwrap_or(u64::MAX);
        self.content = Some(match left {
            Some(_) => Content::Sized(kind, begin),
            None if begin > 0 && size == 0 && is_known(&kind) => {
                self.complete(kind);
                Content::Rest
            }
            None => Content::Junk(begin),
        });
    }

    fn complete(&mut self, kind: [u8; 4]) {
        match &kind {
            b"moov" => self.moov = true,
            b"mdat" => (self.mdat, self.open_moof) = (true, false),
            b"moof" => self.open_moof = true,
            _ => {}
        }
    }

    /// What is missing if the bytes end here; nothing if the file is whole.
    pub(crate) fn missing(&self) -> Option<String> {
        // All that makes a video is here, so that what comes may be anything.
        let is_padded = self.moov && self.mdat;
        match self.content {
            Some(Content::Junk(begin)) if !is_padded => Some(format!("there is no box at byte {begin}")),
            Some(Content::Sized(kind, begin)) if !is_padded || is_known(&kind) => {
                Some(format!("its box `{}` at byte {begin} reaches past the end", kind.escape_ascii()))
            }
            None if !self.header.is_empty() && (!is_padded || self.header.get(4..8).is_some_and(is_known)) => {
                Some(format!("the header of its box at byte {} is cut", self.at - self.header.len() as u64))
            }
            _ if !self.moov => Some("its box `moov` is missing".to_owned()),
            _ if !self.mdat || self.open_moof => Some("its box `mdat` is missing".to_owned()),
            _ => None,
        }
    }
}

fn is_known(kind: &[u8]) -> bool {
    KNOWN.contains(&kind)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
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
        let mut boxes = Boxes::NEW;
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
            let mut whole = Boxes::NEW;
            whole.take(&file[..length]);
            for size in [1, 2, 3, 5, 7, 8, 11, 16, 17, 64] {
                let mut pieces = Boxes::NEW;
                file[..length].chunks(size).for_each(|piece| pieces.take(piece));
                assert_eq!(pieces, whole, "{size} of {length}");
            }
        }
    }
}
