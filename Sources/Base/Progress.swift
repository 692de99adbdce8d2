/// Where long work says how far it is. Libraries report; whoever owns the terminal decides what to show.
public protocol ProgressReporter: Sendable {
    /// - Parameters:
    ///   - title: what is going on, in the present ("Training", "Uploading packs").
    ///   - completed: units done so far.
    ///   - total: units in all; nil while unknown.
    ///   - detail: a short remark on the newest unit ("epoch 2, loss 0.31"); may be empty.
    func report(_ title: String, completed: Int, total: Int?, detail: String)
}

/// Says nothing.
public struct SilentProgress: ProgressReporter {
    public init() {}
    public func report(_ title: String, completed: Int, total: Int?, detail: String) {}
}
