//! Lists that the server signed and no honest server sends: every check that a client makes of them is made of a transcript too, with the
//! same code, and the server is to blame (section 20.2).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use veilsum::{
    ClientFault, ClientId, DecodeError, Masking, ServerFault, SessionBuilder,
    audit::Part,
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Bytes, Consistency, Dealing, Delivery, Digest, Entry, EntryBody,
        MaskedInput, Survivors,
    },
};

use crate::{
    SERVER, altered, finds,
    forge::{ADVERTS, AGREEMENT, ANNOUNCEMENT, DELIVERY, SURVIVORS, hash, sign_entry},
    game, prev,
    recorded::{Contents, File, Letter, Recorded, Script},
};

/// A message with a list of entries.
trait Listing: Body {
    const PART: Part;
    type Listed: EntryBody + Clone;
    fn list(&mut self) -> &mut Vec<Entry<Self::Listed>>;
    /// Makes the rest of the message fit the list.
    fn fit(&mut self) {}
}

impl Listing for Adverts {
    const PART: Part = Part::Adverts;
    type Listed = Advert;
    fn list(&mut self) -> &mut Vec<Entry<Advert>> {
        &mut self.entries
    }
}

impl Listing for Delivery {
    const PART: Part = Part::Delivery;
    type Listed = Dealing;
    fn list(&mut self) -> &mut Vec<Entry<Dealing>> {
        &mut self.dealings
    }
}

impl Listing for Survivors {
    const PART: Part = Part::Survivors;
    type Listed = MaskedInput;
    fn list(&mut self) -> &mut Vec<Entry<MaskedInput>> {
        &mut self.entries
    }
    /// Clients are 10, 20, .. and no more than eight.
    fn fit(&mut self) {
        self.bitmap[0] = self.entries.iter().fold(0, |bits, entry| bits | 1 << (entry.client.0 / 10 - 1));
    }
}

impl Listing for Agreement {
    const PART: Part = Part::Agreement;
    type Listed = Consistency;
    fn list(&mut self) -> &mut Vec<Entry<Consistency>> {
        &mut self.entries
    }
}

type Change<'a, T> = &'a dyn Fn(&mut T);

/// What the server sends.
const PARTS: [(u8, Part); 5] = [
    (ADVERTS, Part::Adverts),
    (DELIVERY, Part::Delivery),
    (SURVIVORS, Part::Survivors),
    (AGREEMENT, Part::Agreement),
    (ANNOUNCEMENT, Part::Announcement),
];

const SECOND: ClientId = ClientId(20);

/// Five clients of whom three are needed: 50 never comes, 40 does not deal, and the others survive.
fn narrowing() -> Recorded {
    let mut script = Script::new(Masking::Pairwise, 5, &[(40, 1), (50, 0)]);
    script.change = &|builder: SessionBuilder| builder.min_honest(2).max_colluders(0).max_dropouts(2);
    script.play()
}

/// The file with another list in it, which the server signed.
fn listed<M: Listing>(game: &Recorded, change: impl FnOnce(&mut Vec<Entry<M::Listed>>)) -> File {
    altered::<M>(game, prev(game, M::TYPE), |message| {
        change(message.list());
        message.fit();
    })
}

/// The list with an altered entry that its client signed, unless that is in no roster.
fn second<M: Listing>(game: &Recorded, change: impl FnOnce(&mut Entry<M::Listed>)) -> File {
    listed::<M>(game, |list| {
        change(&mut list[1]);
        sign(game, &mut list[1]);
    })
}

/// The list with one more entry, of a client behind the others.
fn with<M: Listing>(game: &Recorded, client: u64) -> File {
    listed::<M>(game, |list| {
        let mut entry = list[2].clone();
        entry.client = ClientId(client);
        sign(game, &mut entry);
        list.push(entry);
    })
}

fn sign<B: EntryBody>(game: &Recorded, entry: &mut Entry<B>) {
    if let Some(key) = game.world.clients.get(&entry.client) {
        sign_entry(&game.session, entry, &**key);
    }
}

fn refused(fault: ClientFault) -> ServerFault {
    ServerFault::EntryContents(SECOND, fault)
}

/// What section 6 says of every list, and the set that this one is drawn from.
fn check_each_entry<M: Listing>(outsider: u64) {
    let game = narrowing();
    let blames = |file: File, fault: ServerFault| finds(&game, &file, M::PART, fault, SERVER);
    blames(with::<M>(&game, outsider), ServerFault::UnknownClient(ClientId(outsider)));
    blames(listed::<M>(&game, |list| list[1].signature.0[40] ^= 1), ServerFault::EntrySignature(SECOND));
    blames(listed::<M>(&game, |list| list[1].attachment_hash.0[0] ^= 1), ServerFault::EntrySignature(SECOND));
    let others = listed::<M>(&game, |list| {
        list[1].client = ClientId(30);
        sign(&game, &mut list[1]);
        list.remove(2);
        list[1].client = SECOND;
    });
    blames(others, ServerFault::EntrySignature(SECOND));
    blames(second::<M>(&game, |entry| entry.prev.0[31] ^= 1), ServerFault::EntryTranscript(SECOND));
    blames(listed::<M>(&game, |list| list.swap(0, 1)), ServerFault::Malformed(DecodeError::Order));
    let twice = listed::<M>(&game, |list| list.insert(1, list[1].clone()));
    blames(twice, ServerFault::Malformed(DecodeError::Order));
    for got in 0..3 {
        let short = ServerFault::BelowThreshold { got, threshold: 3 };
        blames(listed::<M>(&game, |list| list.truncate(got as usize)), short);
    }
    if !M::Listed::HAS_ATTACHMENT {
        let trailing = refused(ClientFault::Malformed(DecodeError::Trailing));
        blames(second::<M>(&game, |entry| entry.attachment_hash.0[0] ^= 1), trailing);
    }
}

#[test]
fn a_bad_list_of_adverts_is_the_servers() {
    check_each_entry::<Adverts>(60);
}

#[test]
fn a_bad_list_of_dealings_is_the_servers() {
    check_each_entry::<Delivery>(50);
    check_each_entry::<Delivery>(60);
}

#[test]
fn a_bad_list_of_survivors_is_the_servers() {
    check_each_entry::<Survivors>(40);
    check_each_entry::<Survivors>(50);
}

#[test]
fn a_bad_list_of_those_who_agree_is_the_servers() {
    check_each_entry::<Agreement>(40);
    let game = game();
    let file = listed::<Agreement>(&game, |list| {
        list[0].client = SECOND;
        sign(&game, &mut list[0]);
    });
    finds(&game, &file, Part::Agreement, ServerFault::UnknownClient(SECOND), SERVER);
}

#[test]
fn a_key_that_is_listed_twice_or_can_not_be_is_the_servers() {
    let game = narrowing();
    let first = Adverts::decode(ClientId(0), File::parse(&game.control()).body(ADVERTS), &[]).unwrap().entries[0].body.clone();
    let key = refused(ClientFault::Malformed(DecodeError::KemKey));
    let cases: [(Change<'_, Advert>, _); 7] = [
        (&|advert| advert.channel_key = first.channel_key, ServerFault::DuplicateKey(SECOND)),
        (&|advert| advert.channel_key = first.mask_key, ServerFault::DuplicateKey(SECOND)),
        (&|advert| advert.mask_key = first.mask_key, ServerFault::DuplicateKey(SECOND)),
        (&|advert| advert.mask_key = advert.channel_key, ServerFault::DuplicateKey(SECOND)),
        // The X25519 part is of low order; a coefficient is not below the modulus.
        (&|advert| advert.channel_key.0[1184..].fill(0), key),
        (&|advert| advert.mask_key.0[1184..].fill(0), key),
        (&|advert| advert.mask_key.0[..3].fill(255), key),
    ];
    for (change, fault) in cases {
        finds(&game, &second::<Adverts>(&game, |entry| change(&mut entry.body)), Part::Adverts, fault, SERVER);
    }
}

#[test]
fn a_dealing_for_other_holders_than_those_who_advertised_is_the_servers() {
    let game = narrowing();
    let other = |id| Digest { holder: ClientId(id), digest: Bytes([7; 32]) };
    // Of 20, for 10, 30 and 40.
    let cases: [Change<'_, Vec<Digest>>; 6] = [
        &|holders| holders.truncate(2),
        &|holders| holders.clear(),
        &|holders| holders.push(other(50)),
        &|holders| holders[2].holder = ClientId(50),
        &|holders| holders.insert(1, other(20)),
        &|holders| holders[1].holder = ClientId(25),
    ];
    for change in cases {
        let file = second::<Delivery>(&game, |entry| change(&mut entry.body.digests));
        finds(&game, &file, Part::Delivery, refused(ClientFault::WrongHolders), SERVER);
    }
    let file = second::<Delivery>(&game, |entry| entry.body.digests.swap(0, 1));
    finds(&game, &file, Part::Delivery, ServerFault::Malformed(DecodeError::Order), SERVER);
}

#[test]
fn a_dealing_without_as_many_good_points_as_are_needed_is_the_servers() {
    let game = narrowing();
    let point = refused(ClientFault::Malformed(DecodeError::Point));
    let threshold = |got| refused(ClientFault::WrongThreshold { expected: 3, got });
    let both = |dealing: &mut Dealing, len: usize| {
        let point = dealing.mask_root[0];
        [&mut dealing.mask_root, &mut dealing.self_secret].into_iter().for_each(|points| points.resize(len, point));
    };
    let cases: [(Change<'_, Dealing>, _); 6] = [
        (&|dealing| both(dealing, 0), threshold(0)),
        (&|dealing| both(dealing, 2), threshold(2)),
        (&|dealing| both(dealing, 4), threshold(4)),
        (&|dealing| dealing.mask_root[0] = Bytes([255; 32]), point),
        (&|dealing| dealing.mask_root[2].0[31] |= 0x80, point),
        (&|dealing| dealing.self_secret[2] = Bytes([255; 32]), point),
    ];
    for (change, fault) in cases {
        let file = second::<Delivery>(&game, |entry| change(&mut entry.body));
        finds(&game, &file, Part::Delivery, fault, SERVER);
    }
}

/// Such a file may be a good one that somebody has put together from two: the server signs no list without sending it to all.
#[test]
fn a_list_of_others_than_those_whom_it_was_sent_to_blames_nobody() {
    let game = game();
    let fewer = [
        (listed::<Adverts>(&game, |list| list.retain(|entry| entry.client != SECOND)), Part::Adverts),
        (listed::<Delivery>(&game, |list| list.retain(|entry| entry.client != SECOND)), Part::Delivery),
    ];
    for (file, part) in fewer {
        finds(&game, &file, part, DecodeError::Count, None);
    }
    let narrow = narrowing();
    let more = listed::<Delivery>(&narrow, |list| {
        let mut entry = list[2].clone();
        (entry.client, entry.body.digests[2].holder) = (ClientId(40), ClientId(30));
        sign(&narrow, &mut entry);
        list.push(entry);
    });
    finds(&narrow, &more, Part::Delivery, DecodeError::Count, None);
    // Nor do the rounds that follow fit it, if there is no letter to the client that it leaves out.
    let mut file = listed::<Delivery>(&game, |list| list.retain(|entry| entry.client != SECOND));
    letters(&mut file, DELIVERY).remove(1);
    finds(&game, &file, Part::Survivors, DecodeError::Signature, None);
}

fn letters(file: &mut File, kind: u8) -> &mut Vec<Letter> {
    match file.part(kind) {
        Contents::Sent { letters, .. } => letters,
        other => panic!("{other:?}"),
    }
}

#[test]
fn letters_to_others_than_the_recipients_blame_nobody() {
    let (game, narrow) = (game(), narrowing());
    for (kind, part) in PARTS {
        for place in 0..3 {
            let mut file = File::parse(&game.transcript());
            letters(&mut file, kind).remove(place);
            finds(&game, &file, part, DecodeError::Count, None);
        }
        // To one more, who did not take part, and signed by the server all the same.
        let mut file = File::parse(&narrow.transcript());
        let all = letters(&mut file, kind);
        all.push(Letter { recipient: 50, ..all[0].clone() });
        file.resign(&narrow.session, kind, prev(&narrow, kind), &*narrow.world.server);
        finds(&narrow, &file, part, DecodeError::Count, None);
    }
    // An attachment that is another client's.
    let mut file = File::parse(&game.transcript());
    let all = letters(&mut file, DELIVERY);
    all[0].attachment_hash = all[1].attachment_hash;
    finds(&game, &file, Part::Delivery, DecodeError::Signature, None);
    letters(&mut file, DELIVERY)[0].attachment_hash = Some(hash("attachment", &[&[]]));
    finds(&game, &file, Part::Delivery, DecodeError::Signature, None);
}

#[test]
fn survivors_of_other_dimensions_or_beside_their_bitmap_are_the_servers() {
    let game = narrowing();
    let cases: [fn(&mut MaskedInput); 3] =
        [|input| input.vector_len += 1, |input| input.chunk_len *= 2, |input| (input.vector_len, input.chunk_len) = (0, 0)];
    for change in cases {
        let file = second::<Survivors>(&game, |entry| change(&mut entry.body));
        finds(&game, &file, Part::Survivors, refused(ClientFault::WrongDimensions), SERVER);
    }
    let cases: [(fn(&mut Survivors), _); 5] = [
        (|m| m.bitmap.push(0), DecodeError::Count),
        (|m| m.bitmap.clear(), DecodeError::Count),
        (|m| m.bitmap[0] |= 0x20, DecodeError::Padding),
        (|m| m.bitmap[0] |= 0x08, DecodeError::Count),
        (|m| m.entries.truncate(2), DecodeError::Count),
    ];
    for (change, error) in cases {
        let file = altered::<Survivors>(&game, prev(&game, SURVIVORS), change);
        finds(&game, &file, Part::Survivors, ServerFault::Malformed(error), SERVER);
    }
}

#[test]
fn contents_that_do_not_decode_are_the_servers_whatever_the_round() {
    let game = game();
    let cases: [(Change<'_, Vec<u8>>, _); 2] =
        [(&|body| body.push(0), DecodeError::Trailing), (&Vec::clear, DecodeError::Truncated)];
    for (kind, part) in PARTS {
        for (change, error) in cases {
            let mut file = File::parse(&game.transcript());
            change(file.body(kind));
            file.resign(&game.session, kind, prev(&game, kind), &*game.world.server);
            finds(&game, &file, part, ServerFault::Malformed(error), SERVER);
        }
    }
    let announced = altered::<Announcement>(&game, prev(&game, ANNOUNCEMENT), |m| m.sum_root.0[0] ^= 1);
    finds(&game, &announced, Part::Chunks, DecodeError::Mismatch, None);
}
