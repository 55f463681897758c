import Foundation
internal import KeyfobGenerated

/// An access token that was good when it was given. Ask for it anew before each request; do not keep it.
public struct AccessToken: Sendable {
    /// The token, for the header `Authorization: Bearer …`. Opaque: never parse it.
    public let secret: String

    /// When it is over; nil where the provider did not say.
    public let expiresAt: Date?

    /// Whether it is in memory only: the disk was full when it came, and it is lost if this process ends before it can be saved. Calls for
    /// this session and ``Keyfob/maintain(limit:)`` try that again.
    public let isUnsaved: Bool

    init(_ raw: RawAccessToken) {
        secret = raw.secret
        expiresAt = raw.expiresAt
        isUnsaved = raw.unsaved
    }

    /// From the text that `cachedAccessToken` gives; nil for an empty one.
    init?(packed: String) {
        if packed.isEmpty { return nil }
        var text = packed
        // Bytes, not characters: to read those takes longer than the call.
        (secret, expiresAt) = text.withUTF8 { bytes in
            var place = 0
            let (seconds, nanoseconds) = (Self.number(bytes, &place), Self.number(bytes, &place))
            let secret = String(decoding: UnsafeBufferPointer(rebasing: bytes[place...]), as: UTF8.self)
            // In two steps, as the generated layer makes every other date: it is the same number to the last bit.
            let end = Date(timeIntervalSince1970: seconds).addingTimeInterval(nanoseconds / 1e9)
            return (secret, seconds == 0 ? nil : end)
        }
        isUnsaved = false
    }

    /// The number at a place, which moves behind the space after it.
    private static func number(_ bytes: UnsafeBufferPointer<UInt8>, _ place: inout Int) -> Double {
        var number = 0.0
        while bytes[place] != UInt8(ascii: " ") {
            number = number * 10 + Double(bytes[place] - UInt8(ascii: "0"))
            place += 1
        }
        place += 1
        return number
    }
}

extension AccessToken: Redacted {
    /// Without the token.
    public var description: String { "AccessToken([redacted])" }
}
