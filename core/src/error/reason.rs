//! Why. The one table of all reasons, each under its kind.

use super::ErrorKind;

/// Declares [`Reason`]: each reason once, under its kind.
macro_rules! reasons {
    ($($kind:ident { $($(#[doc = $doc:literal])+ $name:ident,)+ })+) => {
        /// Why, more finely than [`ErrorKind`]. The names are stable; new ones may be added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($($(#[doc = $doc])+ $name,)+)+ }

        impl Reason {
            /// Every reason, grouped by kind.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)+)+];

            /// The kind this reason belongs to.
            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self { $($(Self::$name => ErrorKind::$kind,)+)+ }
            }

            /// The stable name, as written in this enum.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$name => stringify!($name),)+)+ }
            }

            /// The reason of that name.
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.name() == name)
            }

            /// One fixed sentence for a log.
            pub(super) const fn text(self) -> &'static str {
                match self { $($(Self::$name => concat!($($doc),+),)+)+ }
            }
        }
    };
}

reasons! {
    InvalidArgument {
        /// An argument is not of the documented form.
        InvalidArgument,
        /// No session has this id.
        UnknownSession,
        /// No registration has this id.
        UnknownRegistration,
        /// No login has this id.
        UnknownLogin,
    }
    InvalidState {
        /// The handle was closed.
        Closed,
        /// The call was made from inside a callback that it would have to wait for.
        Reentered,
        /// Another process is completing this login right now.
        CompletionInProgress,
        /// The provider gave no refresh token, so there is nothing to refresh with.
        NoRefreshToken,
        /// The provider has no userinfo endpoint.
        NoUserInfo,
        /// The handle is suspended: call `resume` first.
        Suspended,
        /// The handle was made before a `fork`, and this is the child: open the store again.
        UsedAfterFork,
        /// The configuration leaves refreshing to another process, and the token is over.
        RefreshNotAllowed,
        /// Nothing can listen on the loopback port of the redirect URI: another login or another program has it, or the system forbids it.
        LoopbackUnavailable,
        /// No browser could be opened: show the authorization URL to the user, or log in on another device.
        BrowserUnavailable,
    }
    Configuration {
        /// The configuration is not of the documented form.
        InvalidConfiguration,
        /// A key of the configuration is not known.
        UnknownKey,
        /// The provider of a registration is not known.
        UnknownProvider,
        /// A variable that the provider needs is missing or malformed.
        InvalidVariable,
        /// The registration is disabled.
        RegistrationDisabled,
        /// The redirect URI is not of a form that a native app may use (RFC 8252 section 7).
        InvalidRedirectUri,
        /// An endpoint is not https and not on a loopback address.
        InsecureEndpoint,
        /// Another provider's logins come back to the same redirect URI, and this one does not say that a redirect is its own (RFC 9700 section 4.4).
        MixUpRisk,
        /// The provider supports no S256 code challenge (RFC 7636).
        PkceUnsupported,
        /// The provider has no device authorization endpoint (RFC 8628), so nobody can log in on another device.
        DeviceGrantUnsupported,
        /// The provider does not know this client, or its secret is wrong (`invalid_client`, `unauthorized_client`).
        InvalidClient,
    }
    Network {
        /// The provider could not be reached and nothing was sent.
        NotSent,
        /// The request was sent, the answer did not come; it is not known whether the provider acted on it.
        InDoubt,
        /// Something between here and the provider answered instead of it (a captive portal, a firewall).
        CaptivePortal,
        /// The provider is temporarily unavailable.
        ProviderUnavailable,
        /// The proxy could not be reached, or did not let the connection through; nothing was sent.
        Proxy,
    }
    Timeout {
        /// No connection within the limit; nothing was sent.
        ConnectTimeout,
        /// The caller's time limit passed while waiting.
        WaitTimeout,
    }
    Cancelled {
        /// The caller cancelled.
        Cancelled,
    }
    AccessDenied {
        /// The user, or the provider's policy, said no (`access_denied`).
        AccessDenied,
    }
    RedirectRejected {
        /// The redirect is not a URL of the documented form.
        MalformedRedirect,
        /// The redirect carries no `state`.
        StateMissing,
        /// No login of this store has this `state`.
        StateUnknown,
        /// The login of this redirect ended without a session.
        RedirectUsed,
        /// The login of this redirect was begun too long ago.
        LoginExpired,
        /// `iss` names another issuer than the login was sent to (RFC 9207).
        IssuerMismatch,
        /// The provider always sends `iss`, and it is missing (RFC 9207).
        IssuerMissing,
        /// A parameter stands more than once in the redirect (RFC 6749 section 3.1).
        DuplicateParameter,
        /// The redirect carries both a code and an error, or neither.
        AmbiguousResponse,
        /// The redirect carries a token, which the code flow never does.
        UnexpectedParameter,
        /// The redirect came to another URI than the registration's.
        RedirectUriMismatch,
        /// The redirect is larger than the limit.
        RedirectTooLarge,
        /// The redirect from a logout page carries no `state`, or one that no logout of this store has. Whoever was logged out still is.
        LogoutStateMismatch,
        /// The provider signs its redirects, and this one is not signed by it.
        RedirectSignatureMismatch,
        /// A parameter of the redirect is not what it must be for this registration.
        RedirectParameterMismatch,
    }
    OAuth {
        /// The provider answered with an error code.
        ServerError,
    }
    LoginRequired {
        /// The provider no longer accepts the refresh token.
        Revoked,
        /// The refresh token was lost between the provider and us.
        RotationLost,
        /// The access token is over and there is nothing to renew it with.
        Expired,
        /// The session was ended by the app.
        LoggedOut,
        /// The refreshed ID token names another subject or issuer.
        IdentityMismatch,
        /// The store key is gone.
        KeyLost,
        /// The store comes from another device.
        OtherDevice,
        /// The code was sent and no answer came: a code works once, so the login has to begin again.
        CodeExchangeInDoubt,
        /// Nobody confirmed the login on the other device in time (RFC 8628): begin again, with a new code.
        DeviceCodeExpired,
    }
    BadResponse {
        /// The provider's answer is not JSON.
        NotJson,
        /// The provider's answer lacks what the standard requires.
        MalformedResponse,
        /// The token answer lacks what RFC 6749 section 5.1 requires.
        MalformedTokenResponse,
        /// The token answer is of a type other than Bearer.
        UnsupportedTokenType,
        /// The provider's answer is larger or deeper than the limit.
        ResponseTooLarge,
        /// The provider answered with a redirect where the standard allows none.
        UnexpectedRedirect,
        /// The provider answered with an unexpected HTTP status.
        UnexpectedStatus,
        /// The metadata names another issuer than it was fetched for.
        DiscoveryIssuerMismatch,
        /// The profile has no uid where the provider's file says.
        UidMissing,
    }
    TokenRejected {
        /// The provider sent no ID token although `openid` was asked for.
        IdTokenMissing,
        /// The ID token is encrypted, which was not agreed on.
        UnsupportedJwe,
        /// The ID token is not a well-formed JWS.
        MalformedJwt,
        /// The ID token is signed with an algorithm that is not allowed.
        IdTokenAlgNotAllowed,
        /// The ID token is of another type (`typ`).
        IdTokenTyp,
        /// No key of the issuer fits the ID token.
        IdTokenKeyNotFound,
        /// The signature of the ID token is wrong.
        IdTokenSignature,
        /// `iss` of the ID token is not the issuer.
        IdTokenIssuer,
        /// `aud` of the ID token is not this client alone.
        IdTokenAudience,
        /// `azp` of the ID token is not this client.
        IdTokenAzp,
        /// The ID token is over, or `exp` is malformed.
        IdTokenExpired,
        /// `iat` of the ID token is missing, malformed or in the future.
        IdTokenIat,
        /// `nonce` of the ID token is not the login's.
        IdTokenNonce,
        /// `acr` of the ID token is not one that was asked for.
        IdTokenAcr,
        /// `auth_time` of the ID token is missing or too old.
        IdTokenAuthTime,
        /// `sub` of the ID token is missing or malformed.
        IdTokenSub,
        /// `at_hash` of the ID token does not fit the access token.
        IdTokenAtHash,
        /// `sub` of the userinfo is not that of the ID token.
        UserInfoSubMismatch,
        /// Another user logged in than the one the session belongs to.
        AccountMismatch,
    }
    Tls {
        /// TLS refused the connection.
        TlsHandshake,
        /// The provider's certificate was refused, for a reason that has no name of its own.
        TlsCertificate,
        /// The provider's certificate is expired, or this device's clock is ahead.
        TlsExpired,
        /// The provider's certificate is not yet valid, or this device's clock is behind.
        TlsNotYetValid,
        /// Nobody whom this device trusts has signed the provider's certificate.
        TlsUnknownIssuer,
        /// The provider's certificate is for another host.
        TlsWrongHost,
        /// The provider's certificate was revoked.
        TlsRevoked,
    }
    RateLimited {
        /// The provider asked to be left alone for a while, or an earlier failure is being waited out.
        BackOff,
        /// The registration's budget of refreshes is spent for now.
        BudgetSpent,
    }
    RefreshBusy {
        /// Another process is refreshing this session.
        RefreshBusy,
    }
    StoreNotWritable {
        /// The disk is full.
        StoreFull,
        /// The store is read-only.
        StoreReadOnly,
        /// The store cannot be written.
        StoreNotWritable,
    }
    StoreUnavailable {
        /// The store is locked by somebody who does not let go.
        StoreBusy,
        /// The store cannot be opened now.
        StoreUnavailable,
        /// The store key is not available yet, as while the device is locked.
        StoreKeyUnavailable,
    }
    StoreKey {
        /// The store key is not the one the store was sealed with.
        WrongStoreKey,
        /// The store is sealed, and the configuration gives no store key.
        StoreSealed,
    }
    StoreDamaged {
        /// The database is damaged.
        StoreCorrupt,
        /// A value in the store is not of the form it was written in.
        StoreTampered,
    }
    StoreUnsupported {
        /// The store was written by a newer version.
        StoreTooNew,
        /// The folder is not Keyfob's own: a symbolic link, another owner, or open to others.
        UnsafeStorePath,
        /// The folder is not a store of Keyfob.
        NotAStore,
        /// The file system has no locks among processes.
        NoFileLocks,
        /// The folder is on a network file system.
        NetworkFileSystem,
    }
    Random {
        /// The system gave no random bytes.
        RngFailure,
    }
    Internal {
        /// A bug in Keyfob.
        Internal,
    }
}
