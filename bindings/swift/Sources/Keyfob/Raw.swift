// The generated layer under other names: its types are called as ours are.
internal import KeyfobGenerated

typealias RawAccessToken = KeyfobGenerated.AccessToken
typealias RawCompleted = KeyfobGenerated.Completed
typealias RawError = KeyfobGenerated.KeyfobError
typealias RawErrorInfo = KeyfobGenerated.ErrorInfo
typealias RawHeader = KeyfobGenerated.Header
typealias RawClock = KeyfobGenerated.HostClock
typealias RawHTTPRequest = KeyfobGenerated.HttpRequest
typealias RawHTTPResponse = KeyfobGenerated.HttpResponse
typealias RawJournalEntry = KeyfobGenerated.JournalEntry
typealias RawKeyfob = KeyfobGenerated.Keyfob
typealias RawLogin = KeyfobGenerated.Login
typealias RawLoginOptions = KeyfobGenerated.LoginOptions
typealias RawProfile = KeyfobGenerated.Profile
typealias RawRegistration = KeyfobGenerated.RegistrationInfo
typealias RawSent = KeyfobGenerated.Sent
typealias RawSession = KeyfobGenerated.Session
typealias RawTransport = KeyfobGenerated.HostTransport
typealias RawTransportError = KeyfobGenerated.TransportError
typealias RawTransportFailure = KeyfobGenerated.TransportFailure
