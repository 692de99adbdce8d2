import Base
import ObjectStore

/// What the filters of one process share: the store, its writer, and which files were left as pointers.
public final class FilterSession {
    let environment: GitEnvironment
    let settings: FilterSettings
    let store: ObjectStore
    /// Whether there was no store when this process started: the first checkout of a fresh clone.
    let isFirstContact: Bool
    private let message: (String) -> Void
    private let minimumSizes: MinimumSizes
    private var writer: PackWriter?
    /// Paths whose content is too long to go through git.
    private(set) var leftAsPointer: [[UInt8]] = []
    /// Pointers given out to be looked at, as far as they were not in the work tree then.
    private var shown: [(path: [UInt8], pointer: Pointer)] = []
    private(set) var smudges = 0
    private var warned = false

    /// - Parameters:
    ///   - skipSmudge: leave every pointer as it is, whatever the settings say.
    ///   - message: takes one line for the user, such as `warning: …`; a filter's standard output belongs to git.
    public init(
        _ environment: GitEnvironment, skipSmudge: Bool = false, message: @escaping (String) -> Void
    ) throws {
        self.environment = environment
        self.message = message
        var settings = try FilterSettings(environment)
        if skipSmudge { settings.skipSmudge = true }
        self.settings = settings
        SharedPermissions.apply(settings.sharing)
        let root = settings.store ?? environment.commonDirectory + "/mldata"
        minimumSizes = MinimumSizes(workTree: environment.directory, commonDirectory: environment.commonDirectory)
        isFirstContact = !Files.exists(environment.commonDirectory + "/mldata")
        store = try ObjectStore(
            root: root, alternates: ObjectStore.alternates(ofRepository: environment.commonDirectory))
    }

    // MARK: Clean

    /// The text Git shall keep for a file's content: the content itself for nothing, for a pointer and for what is below
    /// the size its pattern asks for, otherwise a pointer.
    ///
    /// - Throws: what the store throws, after which the rest of `source` is still to be read.
    func clean(path: [UInt8], _ source: ByteSource) throws -> [UInt8] {
        let minimum = try minimumSizes.minimum(FilterSession.name(path))
        let prefix = try [UInt8](unsafeUninitializedCapacity: max(Pointer.sizeLimit, minimum)) { buffer, initialized in
            initialized = try source(UnsafeMutableRawBufferPointer(buffer))
        }
        if prefix.isEmpty || prefix.count < minimum || Pointer.parse(prefix) != nil { return prefix }
        let writer = try openWriter()
        if prefix.count < Pointer.sizeLimit { return try writer.add(prefix).pointer.encoded }
        var sent = 0
        return try writer.add { target in
            var done = 0
            if sent < prefix.count {
                done = min(target.count, prefix.count - sent)
                prefix[sent..<sent + done].withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[..<done]).copyMemory(from: $0)
                }
                sent += done
            }
            return done + (try source(UnsafeMutableRawBufferPointer(rebasing: target[done...])))
        }.pointer.encoded
    }

    private func openWriter() throws -> PackWriter {
        if let writer { return writer }
        let opened = try store.makeWriter()
        writer = opened
        return opened
    }

    // MARK: Smudge

    /// What becomes of the text Git keeps for a file.
    enum SmudgePlan {
        /// Write the text as it is.
        case asIs
        /// Write the content of this object.
        case content(Pointer)
        /// The object must be fetched first.
        case fetch(Pointer)
    }

    /// - Parameters:
    ///   - text: all of the text when it is shorter than `Pointer.sizeLimit`, otherwise at least so much of it.
    ///   - isForShow: the answer most likely goes to no work tree: a pointer will do for what is not here.
    ///   - isWhole: long content is wanted, too.
    ///   - canWait: what seems to be missing is asked for together with others later, so nobody looks for it now.
    func planSmudge(
        _ text: [UInt8], path: [UInt8], isForShow: Bool = false, isWhole: Bool = false, canWait: Bool = false
    ) throws -> SmudgePlan {
        if isForShow { return try planShow(text, path: path) }
        smudges += 1
        guard let pointer = Pointer.parse(text) else {
            if Pointer.looksLikePointer(text) {
                message("warning: '\(FilterSession.name(path))' holds a corrupt pointer")
                message(
                    "hint: it was checked out as it is; see 'git log -- \(FilterSession.name(path))' for a good version"
                )
            }
            return .asIs
        }
        if !pointer.extensions.isEmpty {
            message(
                "warning: '\(FilterSession.name(path))' needs Git LFS extensions, unknown here; left as a pointer"
            )
            return .asIs
        }
        if settings.skipSmudge || !settings.wanted.isOpen && !settings.wanted.contains(FilterSession.name(path)) {
            return .asIs
        }
        if pointer.size > settings.inlineLimit && !isWhole {
            leftAsPointer.append(path)
            return .asIs
        }
        return try pointer.size == 0 || store.contains(pointer.oid, refreshing: !canWait)
            ? .content(pointer) : .fetch(pointer)
    }

    /// Nothing is fetched to be looked at. `git checkout-index` asks in the same words and writes files, so it is noted
    /// which pointers were not in the work tree before: those that are in the end were written there and are filled in.
    private func planShow(_ text: [UInt8], path: [UInt8]) throws -> SmudgePlan {
        guard let pointer = Pointer.parse(text), pointer.extensions.isEmpty, !settings.skipSmudge else { return .asIs }
        if try pointer.size <= settings.inlineLimit && store.contains(pointer.oid) { return .content(pointer) }
        if !isInWorkTree(pointer, path) { shown.append((path, pointer)) }
        return .asIs
    }

    private func isInWorkTree(_ pointer: Pointer, _ path: [UInt8]) -> Bool {
        let file = environment.directory + "/" + FilterSession.name(path)
        guard let status = Files.status(file), status.isRegular, status.size < Pointer.sizeLimit else { return false }
        return (try? Files.read(file)).flatMap(Pointer.parse) == pointer
    }

    /// Sends an object's content.
    func write(_ pointer: Pointer, to sink: ByteSink) throws {
        if pointer.size > 0 { try store.write(pointer.oid, to: sink) }
    }

    /// Brings objects into the store by starting `git-mldata` once for all of them. Success shows in the store.
    func fetch(_ pointers: [Pointer]) throws {
        let list = pointers.map { "\($0.oid.hex) \($0.size)\n" }.joined()
        do {
            try ChildProgram(environment).run(["fetch-objects", "--stdin"], input: Array(list.utf8), message: message)
        } catch let error as MLError {
            report("warning", error)
        }
        try store.refresh()
    }

    /// Says that an object is nowhere to be had.
    ///
    /// - Returns: true when the file shall become a pointer all the same.
    func settleMissing(_ pointer: Pointer, path: [UInt8]) -> Bool {
        let what = "'\(FilterSession.name(path))' (\(pointer.oid.short), \(pointer.size) bytes)"
        if settings.skipDownloadErrors {
            message("warning: cannot fetch \(what); left as a pointer")
            return true
        }
        if !warned {
            message("fatal: cannot fetch \(what): it is neither in the local store nor on a remote")
            message(
                "hint: ask whoever committed it to run 'git mldata push', or set GIT_MLDATA_SKIP_SMUDGE=1 for pointers"
            )
            warned = true
        }
        return false
    }

    // MARK: The end

    /// Ends the process's work: the pack becomes durable, then the files that stayed pointers are filled in.
    ///
    /// - Parameter sync: false when git went away in the middle of a request.
    /// - Throws: `MLError(.io)` when the pack cannot be finished; its objects are saved by the next writer.
    public func finish(sync: Bool) throws {
        try writer?.finish()
        writer = nil
        leftAsPointer += shown.filter { isInWorkTree($0.pointer, $0.path) }.map(\.path)
        shown = []
        guard sync, !settings.skipSmudge, !leftAsPointer.isEmpty || (isFirstContact && smudges > 0) else { return }
        let arguments = ["sync", "--from-filter", "--stdin"] + (isFirstContact ? ["--first-contact"] : [])
        do {
            try ChildProgram(environment).run(
                arguments, input: Array(leftAsPointer.joined(separator: [0])) + (leftAsPointer.isEmpty ? [] : [0]),
                message: message)
        } catch let error as MLError {
            message("warning: large files were left as pointers: \(error)")
            message("hint: run 'git mldata sync' to fill them in")
        }
    }

    /// Tells the user about a failure: a line of its own for the error and for each hint.
    func report(_ severity: String, _ error: MLError) {
        message("\(severity): \(error)")
        for hint in error.hints { message("hint: \(hint)") }
    }

    static func name(_ path: [UInt8]) -> String { String(path: path) }
}
