//! What happens to machine clients and API tokens.

use super::{Object, Round, What, leftovers::take_out};
use crate::{company::ApiToken, id::Id};

impl Round<'_> {
    /// Ends tokens, with their shares in the rate limits.
    pub(super) fn revoke_tokens(&mut self, gone: impl Fn(&ApiToken) -> bool, event: u32) {
        for token in take_out(&mut self.company.api_tokens, gone) {
            if let Some(id) = Id::parse(&token.id) {
                self.note(Object::ApiToken(id), What::Removed, event);
            }
            self.drop_rate_limit(&token.id, event);
            self.company.revoked_tokens.push(token);
        }
    }
}
