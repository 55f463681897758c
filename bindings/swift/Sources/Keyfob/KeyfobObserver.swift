/// Is told what happens to sessions, on the spot; ``Keyfob/changes`` tells a task in its own time. Every function does nothing unless the type has its own.
///
/// Called on the thread of the call that noticed, one of Keyfob's own or of the host's executor, after its work is done: that call returns
/// when the observer does, so hand on what takes long. It may call the same ``Keyfob``, from a `Task` that it starts. What another process
/// does is noticed at the next call that looks at that session, and told then.
///
/// A ``Keyfob`` holds its observer: one that holds its ``Keyfob`` in turn, other than `weak`, has to be let go of by ``Keyfob/close()``.
public protocol KeyfobObserver: Sendable {
    /// This process made a session; or one has other tokens, another profile or another state than when this handle last looked.
    func sessionChanged(_ sessionID: String)

    /// A session has ended, and why, as ``KeyfobError/Details/reason`` of a ``KeyfobError/loginRequired(_:)``: `Revoked`, `Expired`, …; also
    /// `LoggedOut`, by the app.
    func loginRequired(_ sessionID: String, cause: String)

    /// The provider's clock is so many seconds ahead of this device's (behind, where negative), and that is news. Keyfob reckons with it; the
    /// user may want to set the clock.
    func clockSkew(seconds: Int64)
}

extension KeyfobObserver {
    public func sessionChanged(_ sessionID: String) {}

    public func loginRequired(_ sessionID: String, cause: String) {}

    public func clockSkew(seconds: Int64) {}
}
