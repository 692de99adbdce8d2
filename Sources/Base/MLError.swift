/// What went wrong, about which thing, and what to do about it.
///
/// Libraries throw it; only the command layer turns it into `fatal: …`, `hint: …` and an exit code.
/// Messages follow git's manner: lower case, no full stop, the subject in single quotes.
public struct MLError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. A struct over private cases, so that kinds can be added without breaking a switch.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case usage, invalidInput, notFound, missingObject, corrupt, io, conflict, notARepository, failed, negative
        }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// The command line was wrong (exit 129).
        public static let usage = Code(.usage)
        /// A file, a value or a document is not what it must be.
        public static let invalidInput = Code(.invalidInput)
        /// A path, revision, stage or name does not exist.
        public static let notFound = Code(.notFound)
        /// Content is in neither the local store nor a remote.
        public static let missingObject = Code(.missingObject)
        /// Bytes do not match their hash or their format.
        public static let corrupt = Code(.corrupt)
        /// The operating system refused: no space, no permission, a broken disk.
        public static let io = Code(.io)
        /// Somebody else changed the same thing at the same time.
        public static let conflict = Code(.conflict)
        /// Not inside a Git repository.
        public static let notARepository = Code(.notARepository)
        /// A program that was started did not succeed.
        public static let failed = Code(.failed)
        /// A plain "no": the answer to the question is negative (exit 1).
        public static let negative = Code(.negative)

        public var description: String { kind.rawValue }
    }

    public var code: Code
    public var message: String
    public var hints: [String]
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, hints: [String] = [], cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.hints = hints
        self.cause = cause
    }

    public init(_ code: Code, _ message: String, hint: String) {
        self.init(code, message, hints: [hint])
    }

    /// One line: the message and, behind colons, its causes.
    public var description: String {
        guard let cause else { return message }
        return "\(message): \(cause)"
    }
}
