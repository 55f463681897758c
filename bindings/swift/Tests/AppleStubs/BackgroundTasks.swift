// A stub: see README.md.
import Foundation

open class BGTaskRequest: NSObject {
    public var earliestBeginDate: Date?
}

open class BGAppRefreshTaskRequest: BGTaskRequest {
    public init(identifier: String) {}
}

open class BGTaskScheduler: NSObject, @unchecked Sendable {
    public static let shared = BGTaskScheduler()
    open func submit(_ request: BGTaskRequest) throws {}
}
