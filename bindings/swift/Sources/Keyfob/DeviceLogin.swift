import Foundation
internal import KeyfobGenerated

/// A login that waits for the user on another device (RFC 8628). It is already stored: the process may end before the user confirms.
///
/// Show ``userCode`` and ``verificationURI``; a QR code spares the typing. The code is shown also beside a QR code that holds it: the user
/// compares it with what the provider's page says, which tells this login from somebody else's.
public struct DeviceLogin: Sendable, Identifiable {
    /// The id of this login in this store, for ``Keyfob/pollDeviceLogin(_:)``.
    public let id: String

    /// The registration it was begun for.
    public let registration: String

    /// What the user types in on the other device. Not for a log: who has it can confirm this login as somebody else.
    public let userCode: String

    /// Where: https, and short enough to be typed.
    public let verificationURI: String

    /// The same with the code in it, where the provider has that: for a QR code or a link. Not for a log.
    public let verificationURIComplete: String?

    /// When the code is no longer good.
    public let expiresAt: Date

    /// How long to wait between two polls, as it is now. ``Keyfob/pollDeviceLogin(_:)`` says each time how long to wait.
    public let interval: Duration

    /// A QR code of the verification URI: lines of half blocks, for a terminal that writes light on dark. Nil for a URI that is too long.
    public let qrCodeText: String?

    /// The same as an SVG image of black on white, for a window or a television.
    public let qrCodeSVG: String?

    init(_ raw: RawDeviceLogin) {
        id = raw.id
        registration = raw.registration
        userCode = raw.userCode
        verificationURI = raw.verificationUri
        verificationURIComplete = raw.verificationUriComplete
        expiresAt = raw.expiresAt
        interval = .milliseconds(Int64(clamping: raw.intervalMillis))
        qrCodeText = raw.qrCodeText
        qrCodeSVG = raw.qrCodeSvg
    }
}

extension DeviceLogin: Redacted {
    /// Without the codes.
    public var description: String { "DeviceLogin(\(id), \(registration))" }
}

/// What came of asking whether the user has confirmed.
public enum DevicePoll: Sendable {
    /// Not yet: ask again after so long. Asked sooner, nobody is asked, and this says how long is left.
    case wait(Duration)

    /// The login has become a session.
    case done(Completed)

    init(_ raw: RawDevicePoll) {
        switch raw {
        case .wait(let millis): self = .wait(.milliseconds(Int64(clamping: millis)))
        case .done(let completed): self = .done(Completed(completed))
        }
    }
}

/// Shows what a closure does with a login.
final class ScreenAdapter: RawScreen {
    private let shown: @Sendable (DeviceLogin) throws -> Void

    init(_ shown: @escaping @Sendable (DeviceLogin) throws -> Void) {
        self.shown = shown
    }

    func show(login: RawDeviceLogin) throws { try shown(DeviceLogin(login)) }
}
