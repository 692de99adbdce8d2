import Base

/// The `git` program, for what libgit2 cannot do or does differently: discovery, configuration, attributes, transfer.
public struct GitCommand: Sendable {
    /// Where commands run.
    public var directory: String?

    public init(directory: String? = nil) { self.directory = directory }

    /// Variables that tie a process to one repository (`git rev-parse --local-env-vars`); removed before another
    /// repository is touched.
    public static let localVariables: [String: String?] = Dictionary(
        uniqueKeysWithValues: [
            "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
            "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE",
            "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE",
            "GIT_COMMON_DIR",
        ].map { ($0, String?.none) })

    /// Runs `git` with the arguments and returns its output; throws git's own words when it fails.
    @discardableResult
    public func run(
        _ arguments: [String], input: [UInt8]? = nil, environment: [String: String?] = [:]
    ) throws -> Subprocess.Result {
        let result = try start(arguments, input: input, environment: environment)
        guard result.status == 0 else { throw GitCommand.failure(arguments, result) }
        return result
    }

    /// Runs `git` whatever its status.
    public func start(
        _ arguments: [String], input: [UInt8]? = nil, environment: [String: String?] = [:],
        errors: Subprocess.Output = .capture
    ) throws -> Subprocess.Result {
        do {
            return try Subprocess(
                ["git"] + arguments, directory: directory, environment: environment, input: input, errors: errors
            ).run()
        } catch let error as MLError where error.code == .notFound {
            throw MLError(.notFound, "'git' is not installed or not on PATH", hint: "install git 2.30 or newer")
        }
    }

    /// Runs `git` where no signal to this process's group reaches it, so that what locks files of the repository ends by
    /// itself when we are killed. All of its input decides, so a step it must not do half needs words of its own for that.
    ///
    /// - Parameter lock: a locked file that stays locked until it ends.
    public func finish(
        _ arguments: [String], input: [UInt8]? = nil, lock: FileHandle? = nil
    ) throws -> Subprocess.Result {
        var process = Subprocess(["git"] + arguments, directory: directory, input: input, output: .discard)
        process.isDetached = true
        process.inherited = lock?.descriptor
        return try process.run()
    }

    /// Git's version: major and minor.
    public func version() throws -> [Int] {
        let words = try run(["--version"]).text.split(separator: " ")
        return words.dropFirst(2).first?.split(separator: ".").prefix(2).compactMap { Int($0) } ?? []
    }

    static func failure(_ arguments: [String], _ result: Subprocess.Result) -> MLError {
        let lines = result.errorText.split(separator: "\n").map(String.init)
        // A refused push gives its reason in a line of its own; the error after it only says that there was one.
        let words =
            lines.first { $0.hasPrefix(" ! [") } ?? lines.first { $0.hasPrefix("fatal: ") || $0.hasPrefix("error: ") }
            ?? lines.last ?? ""
        let text = words.drop(prefix: " ! ").drop(prefix: "fatal: ").drop(prefix: "error: ")
        var rest = arguments[...]
        while rest.first == "-c" { rest = rest.dropFirst(2) }
        let verb = rest.first { !$0.hasPrefix("-") } ?? ""
        return MLError(.failed, text.isEmpty ? "git \(verb) failed (exit \(result.status))" : "git \(verb): \(text)")
    }
}

extension String {
    fileprivate func drop(prefix: String) -> String { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self }
}
