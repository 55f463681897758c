//! Five kinds of provider: what each does with a refresh token that it has seen before.

/// A refresh token's number. Numbers are given out once, in order.
pub(super) type Token = u8;

/// No token.
pub(super) const NOTHING: Token = u8::MAX;

/// Tokens that a world can hold; a search does not follow a world that would need more.
pub(super) const TOKENS: u8 = 14;

/// Logins that a world can hold: the first one and two more.
const FAMILIES: usize = 3;

/// What a provider does when a refresh token is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Single use; a second use ends the family.
    Strict,
    /// For a while the old token is good for another new pair, beside the first one.
    GraceBeside,
    /// For a while the old token is good for another new pair, and the first one is void.
    GraceInstead,
    /// For a while the old token brings the same new pair again.
    GraceSame,
    /// The refresh token stays.
    NotRotating,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Strict, Self::GraceBeside, Self::GraceInstead, Self::GraceSame, Self::NotRotating];
}

/// What revoking one token takes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Token,
    Family,
    /// Every session of that user with this app.
    Grant,
}

/// What became of a family: the tokens that came from one login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    Alive,
    /// The user took the grant back.
    TakenBack,
    /// A token was used twice, and the provider took that for a theft.
    Reused,
    /// Our own revocation.
    Revoked,
}

/// What comes back for a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Token(Token),
    Dead,
    /// Dead, and this very request is why.
    Reuse,
}

/// The provider, with all that it knows of one user and this app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Provider {
    families: u8,
    tokens: u8,
    fates: [Fate; FAMILIES],
    /// The token of each family that was used already and is still let through.
    grace: [Token; FAMILIES],
    /// Two bits for each token.
    family_of: u32,
    valid: u16,
    revoked: u16,
}

impl Provider {
    pub(super) fn new() -> Self {
        Self {
            families: 0,
            tokens: 0,
            fates: [Fate::Alive; FAMILIES],
            grace: [NOTHING; FAMILIES],
            family_of: 0,
            valid: 0,
            revoked: 0,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.tokens >= TOKENS
    }

    pub(super) fn family(&self, token: Token) -> usize {
        if self.family_of >> (2 * token) & 2 != 0 { 2 } else { usize::from(self.family_of >> (2 * token) & 1 != 0) }
    }

    pub(super) fn fate(&self, token: Token) -> Fate {
        self.fates[self.family(token)]
    }

    /// Whether this refresh token would bring tokens now.
    pub(super) fn accepts(&self, token: Token) -> bool {
        token != NOTHING
            && self.fate(token) == Fate::Alive
            && (self.valid >> token & 1 == 1 || self.grace[self.family(token)] == token)
    }

    /// The user logs in.
    pub(super) fn log_in(&mut self) -> Token {
        let family = self.families;
        self.families += 1;
        self.mint(usize::from(family))
    }

    fn mint(&mut self, family: usize) -> Token {
        let token = self.tokens;
        self.tokens += 1;
        self.family_of |= [0, 1, 2][family] << (2 * token);
        self.valid |= 1 << token;
        token
    }

    /// Handles a refresh.
    pub(super) fn refresh(&mut self, kind: Kind, token: Token) -> Given {
        let family = self.family(token);
        if self.fates[family] != Fate::Alive || self.revoked >> token & 1 == 1 {
            return Given::Dead;
        }
        if self.valid >> token & 1 == 1 {
            if kind == Kind::NotRotating {
                return Given::Token(token);
            }
            self.valid &= !(1 << token);
            self.grace[family] = if kind == Kind::Strict { NOTHING } else { token };
            return Given::Token(self.mint(family));
        }
        if self.grace[family] == token {
            match kind {
                Kind::GraceBeside => return Given::Token(self.mint(family)),
                Kind::GraceInstead => {
                    self.valid &= !self.members(family);
                    return Given::Token(self.mint(family));
                }
                Kind::Strict | Kind::GraceSame | Kind::NotRotating => {
                    let newest = self.valid & self.members(family);
                    return (0..self.tokens)
                        .rev()
                        .find(|token| newest >> token & 1 == 1)
                        .map_or(Given::Dead, Given::Token);
                }
            }
        }
        self.fates[family] = Fate::Reused;
        Given::Reuse
    }

    fn members(&self, family: usize) -> u16 {
        (0..self.tokens).filter(|token| self.family(*token) == family).fold(0, |all, token| all | 1 << token)
    }

    /// Handles a revocation.
    pub(super) fn revoke(&mut self, reach: Reach, token: Token) {
        match reach {
            Reach::Token => {
                self.valid &= !(1 << token);
                self.revoked |= 1 << token;
                let family = self.family(token);
                if self.grace[family] == token {
                    self.grace[family] = NOTHING;
                }
            }
            Reach::Family => self.end(self.family(token), Fate::Revoked),
            Reach::Grant => (0..usize::from(self.families)).for_each(|family| self.end(family, Fate::Revoked)),
        }
    }

    fn end(&mut self, family: usize, fate: Fate) {
        if self.fates[family] == Fate::Alive {
            self.fates[family] = fate;
        }
    }

    /// What else can happen here: a grace runs out, or the user takes the grant back.
    pub(super) fn without_grace(&self) -> Option<Self> {
        let mut after = *self;
        after.grace = [NOTHING; FAMILIES];
        (after != *self).then_some(after)
    }

    pub(super) fn taken_back(&self) -> Option<Self> {
        let mut after = *self;
        (0..usize::from(self.families)).for_each(|family| after.end(family, Fate::TakenBack));
        (after != *self).then_some(after)
    }
}
