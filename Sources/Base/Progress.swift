/// Where long work says how far it is. Libraries report; whoever owns the terminal decides what to show.
public protocol ProgressReporter: Sendable {
    /// - Parameters:
    ///   - title: what is going on, in the present ("Training", "Uploading packs").
    ///   - completed: units done so far.
    ///   - total: units in all; nil while unknown.
    ///   - detail: a short remark on the newest unit ("epoch 2, loss 0.31"); may be empty.
    func report(_ title: String, completed: Int, total: Int?, detail: String)

    /// How far a transfer over a line is.
    func report(_ transfer: TransferState)
}

extension ProgressReporter {
    /// In units of objects, for those who show nothing finer.
    public func report(_ transfer: TransferState) {
        report(
            transfer.title, completed: transfer.objects, total: transfer.totalObjects, detail: transfer.store)
    }
}

/// How far a transfer over a line is.
public struct TransferState: Hashable, Sendable {
    /// What is going on, in the present.
    public var title: String
    /// The other side, without credentials.
    public var store: String
    public var objects: Int
    public var totalObjects: Int
    public var bytes: Int64
    public var totalBytes: Int64
    /// Over the last seconds.
    public var bytesPerSecond: Double
    /// Nil while nothing has moved.
    public var secondsLeft: Double? {
        bytesPerSecond > 0 ? Double(max(0, totalBytes - bytes)) / bytesPerSecond : nil
    }

    public init(
        title: String, store: String, objects: Int, totalObjects: Int, bytes: Int64, totalBytes: Int64,
        bytesPerSecond: Double
    ) {
        self.title = title
        self.store = store
        self.objects = objects
        self.totalObjects = totalObjects
        self.bytes = bytes
        self.totalBytes = totalBytes
        self.bytesPerSecond = bytesPerSecond
    }
}

/// Says nothing.
public struct SilentProgress: ProgressReporter {
    public init() {}
    public func report(_ title: String, completed: Int, total: Int?, detail: String) {}
}
