// The generated layer under other names: its types are called as ours are.
internal import KeyfobGenerated

typealias RawAccessToken = KeyfobGenerated.AccessToken
typealias RawCompleted = KeyfobGenerated.Completed
typealias RawEndSession = KeyfobGenerated.EndSession
typealias RawEnded = KeyfobGenerated.Ended
typealias RawError = KeyfobGenerated.KeyfobError
typealias RawErrorInfo = KeyfobGenerated.ErrorInfo
typealias RawExecutor = KeyfobGenerated.HostExecutor
typealias RawHeader = KeyfobGenerated.Header
typealias RawClock = KeyfobGenerated.HostClock
typealias RawHealth = KeyfobGenerated.Health
typealias RawHTTPRequest = KeyfobGenerated.HttpRequest
typealias RawHTTPResponse = KeyfobGenerated.HttpResponse
typealias RawImportedTokens = KeyfobGenerated.ImportedTokens
typealias RawInterrupted = KeyfobGenerated.Interrupted
typealias RawJournalEntry = KeyfobGenerated.JournalEntry
typealias RawKeyfob = KeyfobGenerated.Keyfob
typealias RawLogin = KeyfobGenerated.Login
typealias RawLoginOptions = KeyfobGenerated.LoginOptions
typealias RawLoopback = KeyfobGenerated.Loopback
typealias RawMaintained = KeyfobGenerated.Maintained
typealias RawObserver = KeyfobGenerated.HostObserver
typealias RawParameter = KeyfobGenerated.Parameter
typealias RawPendingLogin = KeyfobGenerated.PendingLogin
typealias RawProfile = KeyfobGenerated.Profile
typealias RawProvider = KeyfobGenerated.Provider
typealias RawProviderKind = KeyfobGenerated.ProviderKind
typealias RawRegistration = KeyfobGenerated.RegistrationInfo
typealias RawRegistrationGuide = KeyfobGenerated.RegistrationGuide
typealias RawSent = KeyfobGenerated.Sent
typealias RawSession = KeyfobGenerated.Session
typealias RawTransport = KeyfobGenerated.HostTransport
typealias RawTransportError = KeyfobGenerated.TransportError
typealias RawTransportFailure = KeyfobGenerated.TransportFailure
typealias RawWork = KeyfobGenerated.Work
