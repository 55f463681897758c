// A stub: see README.md. Of the library that people come from.
import Foundation

open class OIDTokenResponse: NSObject {
    public let accessToken: String? = nil
    public let accessTokenExpirationDate: Date? = nil
    public let idToken: String? = nil
}

open class OIDAuthorizationResponse: NSObject {
    public let idToken: String? = nil
}

open class OIDAuthState: NSObject {
    public let refreshToken: String? = nil
    public let scope: String? = nil
    public let lastAuthorizationResponse = OIDAuthorizationResponse()
    public let lastTokenResponse: OIDTokenResponse? = nil
}

open class OIDIDToken: NSObject {
    public let subject = ""
    public init?(idTokenString: String) {}
}
