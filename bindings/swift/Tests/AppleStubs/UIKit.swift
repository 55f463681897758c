// A stub: see README.md.
import Foundation

@MainActor open class UIResponder: NSObject {}
@MainActor open class UIView: UIResponder {}
@MainActor open class UIWindow: UIView {}

public struct UIBackgroundTaskIdentifier: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let invalid = Self(rawValue: 0)
}

@MainActor open class UIScene: UIResponder {
    public enum ActivationState: Sendable { case foregroundActive, foregroundInactive, background, unattached }
    public var activationState: ActivationState { .unattached }
}

@MainActor open class UIWindowScene: UIScene {
    public var keyWindow: UIWindow? { nil }
}

@MainActor open class UIApplication: UIResponder {
    public static let shared = UIApplication()
    public nonisolated static let didEnterBackgroundNotification = Notification.Name("didEnterBackground")
    public nonisolated static let willEnterForegroundNotification = Notification.Name("willEnterForeground")

    public var connectedScenes: Set<UIScene> { [] }

    public func beginBackgroundTask(
        withName name: String?,
        expirationHandler handler: (@MainActor @Sendable () -> Void)? = nil
    ) -> UIBackgroundTaskIdentifier { .invalid }

    public func endBackgroundTask(_ identifier: UIBackgroundTaskIdentifier) {}
}
