//! What the types alone guarantee.

use std::fmt::{Display, LowerHex};

use veilsum::{
    Session, SessionId, SigningIdentity,
    dp::{EncodingSeed, NoiseSeed},
    driver::{Client, Server},
    hazmat::{ClientMasks, Dealing, Keystreams},
    message::{Advert, Message},
    secagg::{
        client::{
            AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors, Finished, Lane, MaskingInput, SumCheck,
        },
        server::{CollectingAdverts, CollectingConsistency, CollectingInputs, CollectingReveals, CollectingShares},
        shard::UnmaskPlan,
        sum::Sum,
    },
};

/// Whether a type has a trait: the inherent constant, where there is one, comes before that of the trait.
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code, reason = "where the bound holds")]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T> Otherwise for T {}
        #[allow(dead_code, reason = "only its constant is used")]
        struct Probe<T>(core::marker::PhantomData<T>);
        #[allow(dead_code, reason = "where the bound does not hold")]
        impl<T: $($bound)+> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

macro_rules! none_has {
    ($bound:path: $($type:ty),* $(,)?) => {
        $(assert!(!has!($type: $bound), "{} has {}", stringify!($type), stringify!($bound));)*
    };
}

/// Blockdaemon, warning about restored pre-signatures: one-time state that comes back from a backup is used a second time. Lesson: a state
/// that holds one-time secrets can be neither copied nor stored.
#[test]
fn a_state_with_one_time_secrets_can_be_neither_copied_nor_stored() {
    macro_rules! no_state_has {
        ($bound:path) => {
            none_has!($bound: AwaitingAdverts, AwaitingDelivery, MaskingInput, Lane, AwaitingSurvivors, AwaitingAgreement, Finished);
            none_has!($bound: SumCheck, Client, Server, CollectingAdverts, CollectingShares, CollectingInputs, Sum);
            none_has!($bound: CollectingConsistency, CollectingReveals, NoiseSeed, EncodingSeed, SigningIdentity, UnmaskPlan);
            none_has!($bound: Keystreams, ClientMasks, Dealing);
        };
    }
    no_state_has!(Clone);
    assert!(has!(Session: Clone) && has!(Message<Advert>: Clone), "the probe itself");
    #[cfg(feature = "serde")]
    {
        no_state_has!(serde::Serialize);
        no_state_has!(serde::de::DeserializeOwned);
        assert!(has!(Message<Advert>: serde::Serialize) && has!(Message<Advert>: serde::de::DeserializeOwned));
    }
}

/// vodozemac RUSTSEC-2024-0354: secret keys were written as text in variable time. Lesson: a secret has no text form, and nothing that
/// would make one.
#[test]
fn a_secret_has_no_text() {
    macro_rules! no_secret_has {
        ($bound:path) => {
            none_has!($bound: NoiseSeed, EncodingSeed, SigningIdentity, Keystreams, ClientMasks, Dealing, UnmaskPlan, MaskingInput);
        };
    }
    no_secret_has!(Display);
    no_secret_has!(LowerHex);
    no_secret_has!(AsRef<[u8]>);
    no_secret_has!(Into<String>);
    no_secret_has!(Into<[u8; 32]>);
    assert!(has!(SessionId: Display) && has!(String: AsRef<[u8]>) && has!(String: Into<String>), "the probe itself");
}
