//! Small numbers in place of ids.

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u32);

        impl $name {
            /// The one at this position; a graph that does not have it panics when it is asked about it.
            pub const fn at(position: usize) -> Self {
                Self(position as u32)
            }

            /// Position in the list of all of them, which is in their order for people.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// An account of one graph; the order is that of the logins.
    AccountIx
}
index! {
    /// A group of one graph; the order is that of the names.
    GroupIx
}
index! {
    /// A resource of one graph; the order is that of the labels.
    ResourceIx
}
