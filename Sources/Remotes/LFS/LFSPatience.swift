/// How often and how long to try again when a Git LFS server fails; the defaults are git-lfs's own.
public struct LFSPatience: Hashable, Sendable {
    /// Tries without any progress between them.
    public var tries = 8
    /// The first wait in seconds; each is twice the one before, up to `longest`.
    public var first = 0.25
    public var longest = 10.0
    /// The longest wait in seconds that a server may ask for.
    public var obedience = 300.0

    public init(tries: Int = 8, first: Double = 0.25) {
        self.tries = tries
        self.first = first
    }
}
