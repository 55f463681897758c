#if canImport(UIKit) && !os(watchOS)
import Foundation
import UIKit

/// Suspends a ``Keyfob`` when the app goes into the background and resumes it when it comes back. iOS ends an app that it freezes with a lock or an open
/// database of a shared container (`0xdead10cc`). Make one beside the ``Keyfob``, and keep it.
///
/// ```swift
/// let suspension = BackgroundSuspension(keyfob) { error in print("\(error)") }
/// // before the first call after the app came back, a `BGAppRefreshTask`'s among them:
/// await suspension.settled()
/// ```
@available(iOSApplicationExtension, unavailable)
@available(tvOSApplicationExtension, unavailable)
@available(visionOSApplicationExtension, unavailable)
@MainActor
public final class BackgroundSuspension {
    private let suspensions: Suspensions
    private nonisolated(unsafe) var tokens: [any NSObjectProtocol] = []

    /// Watches the app from now on.
    ///
    /// - Parameters:
    ///   - keyfob: what is suspended
    ///   - deadline: how long to wait at most for what is under way; the system gives some 30 seconds
    ///   - failed: is told, on any thread, what went wrong: ``KeyfobError/storeNotWritable(_:)`` for tokens that still could not be saved, or why it is
    ///     still suspended
    public init(_ keyfob: Keyfob, deadline: Duration = .seconds(5), failed: @escaping @Sendable (any Error) -> Void) {
        let time = BackgroundTime { isOver in
            UIApplication.shared.beginBackgroundTask(withName: "dev.keyfob.suspend", expirationHandler: isOver).rawValue
        } end: { id in
            UIApplication.shared.endBackgroundTask(UIBackgroundTaskIdentifier(rawValue: id))
        }
        let suspensions = Suspensions(keyfob, deadline: deadline, time: time, failed: failed)
        self.suspensions = suspensions
        let center = NotificationCenter.default
        // On the thread that tells, which is the main one: the time has to be asked for before this returns.
        tokens = [
            center.addObserver(forName: UIApplication.didEnterBackgroundNotification, object: nil, queue: nil) { _ in
                MainActor.assumeIsolated { suspensions.leave() }
            },
            center.addObserver(forName: UIApplication.willEnterForegroundNotification, object: nil, queue: nil) { _ in
                MainActor.assumeIsolated { suspensions.enter() }
            },
        ]
    }

    deinit {
        for token in tokens { NotificationCenter.default.removeObserver(token) }
    }

    /// Suspends now, as in the background: after the work of a `BGAppRefreshTask`. Returns when it is done.
    public func suspend() async {
        suspensions.leave()
        await suspensions.settled()
    }

    /// Resumes now: at the start of a `BGAppRefreshTask`, which runs while the app is in the background. Returns when it is done.
    public func resume() async {
        suspensions.enter()
        await suspensions.settled()
    }

    /// Returns when the suspensions and resumptions are done that were begun: to wait for before the first call after the app came back.
    public func settled() async { await suspensions.settled() }
}
#endif
