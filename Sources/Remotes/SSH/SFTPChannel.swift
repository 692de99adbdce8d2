import Base
import Dispatch

/// One connection to an SFTP server through the user's ssh. Requests may come from many threads and are answered in any
/// order, so that many are on the way at once.
final class SFTPChannel: @unchecked Sendable {
    /// An answer: the packet's type and what follows the request's number.
    struct Answer: Sendable {
        var kind: SFTPMessage.Kind
        var bytes: [UInt8]
    }

    /// A request on its way.
    final class Pending: @unchecked Sendable {
        fileprivate let ready = DispatchSemaphore(value: 0)
        fileprivate var answer: Result<Answer, MLError>?
    }

    /// Seconds without an answer after which a connection counts as dead.
    private let patience: Double
    private let conversation: Conversation
    private let name: String
    private let mutex = Mutex()
    private let sending = Mutex()
    private var pending: [UInt32: Pending] = [:]
    private var next: UInt32 = 0
    private var failure: MLError?
    /// The longest payload of a write or a read; 32 KiB where the server does not say more (section 3).
    private(set) var payload = 32 << 10
    private(set) var canFlush = false

    /// - Throws: `MLError(.failed)` with ssh's own words when there is no server to talk to.
    init(_ arguments: [String], name: String, directory: String?, patience: Double = 120) throws {
        self.name = name
        self.patience = patience
        conversation = try Conversation(arguments, directory: directory, patience: patience)
        var hello = SFTPWriter()
        hello.byte(SFTPMessage.Kind.initialise.rawValue)
        hello.number(3)
        var extensions: [String: String] = [:]
        do {
            try send(hello.bytes)
            guard let (kind, bytes) = try receive(), kind == .version else { throw MLError(.io, "no answer") }
            var reader = SFTPReader(bytes)
            _ = try reader.number()
            while !reader.isAtEnd {
                extensions[String(decoding: try reader.string(), as: UTF8.self)] = String(
                    decoding: try reader.string(), as: UTF8.self)
            }
        } catch {
            conversation.end()
            throw SFTPChannel.refused(name, conversation.lastWords())
        }
        canFlush = extensions["fsync@openssh.com"] != nil
        DispatchQueue(label: "git-ml sftp").async { [self] in listen() }
        if extensions["limits@openssh.com"] != nil { try readLimits() }
    }

    func close() { conversation.end() }

    var isAlive: Bool { mutex.withLock { failure == nil } }

    /// Sends a request: its type and its fields behind the request's number.
    func start(_ kind: SFTPMessage.Kind, _ fields: (inout SFTPWriter) -> Void) throws -> Pending {
        let request = Pending()
        let number = try mutex.withLock {
            if let failure { throw failure }
            next &+= 1
            pending[next] = request
            return next
        }
        var packet = SFTPWriter()
        packet.byte(kind.rawValue)
        packet.number(number)
        fields(&packet)
        do { try send(packet.bytes) } catch { throw lost() }
        return request
    }

    /// Waits for the answer to a request.
    ///
    /// - Throws: `MLError(.io)` when the connection is gone or silent.
    func answer(_ request: Pending) throws -> Answer {
        if request.ready.wait(timeout: .now() + patience) == .timedOut {
            _ = lost("the server has been silent for \(Int(patience)) seconds")
        }
        request.ready.signal()
        guard let answer = mutex.withLock({ request.answer }) else { throw lost() }
        return try answer.get()
    }

    func ask(_ kind: SFTPMessage.Kind, _ fields: (inout SFTPWriter) -> Void) throws -> Answer {
        try answer(start(kind, fields))
    }

    private func send(_ packet: [UInt8]) throws {
        var framed = SFTPWriter()
        framed.string(packet)
        try sending.withLock { try conversation.send(framed.bytes) }
    }

    private func receive() throws -> (SFTPMessage.Kind, [UInt8])? {
        guard let head = conversation.receive(4) else { return nil }
        var reader = SFTPReader(head)
        let length = try reader.number()
        // A login script that prints something is the usual reason for nonsense here.
        guard length > 0, length <= 1 << 20, let bytes = conversation.receive(Int(length)) else { return nil }
        guard let kind = SFTPMessage.Kind(rawValue: bytes[0]) else { return nil }
        return (kind, Array(bytes.dropFirst()))
    }

    private func listen() {
        while let (kind, bytes) = try? receive() {
            var reader = SFTPReader(bytes)
            guard let number = try? reader.number() else { break }
            mutex.withLock {
                guard let request = pending.removeValue(forKey: number) else { return }
                request.answer = .success(Answer(kind: kind, bytes: Array(bytes.dropFirst(4))))
                request.ready.signal()
            }
        }
        _ = lost()
    }

    /// Fails whatever waits; from now on this channel is of no use.
    private func lost(_ reason: String? = nil) -> MLError {
        if let failure = mutex.withLock({ failure }) { return failure }
        conversation.end()
        let words = reason ?? conversation.lastWords()
        let error = MLError(.io, "the connection to \(name) was lost\(words.isEmpty ? "" : ": \(words)")")
        return mutex.withLock {
            if let failure { return failure }
            failure = error
            for request in pending.values {
                request.answer = .failure(error)
                request.ready.signal()
            }
            pending = [:]
            return error
        }
    }

    /// OpenSSH's PROTOCOL file, section 4.8: `limits@openssh.com`.
    private func readLimits() throws {
        let answer = try ask(.extended) { $0.string("limits@openssh.com") }
        guard answer.kind == .extendedReply else { return }
        var reader = SFTPReader(answer.bytes)
        let (_, read, write) = (try reader.large(), try reader.large(), try reader.large())
        // More than this gains nothing and only takes memory.
        payload = Int(max(32 << 10, min(min(read, write), 128 << 10)))
    }

    private static func refused(_ name: String, _ words: String) -> MLError {
        let lower = words.lowercased()
        // Whoever only has no time or no line may be asked again; a "no" stays one.
        var code = MLError.Code.failed
        let hint: String
        if lower.contains("host key verification") || lower.contains("host identification has changed") {
            hint = "the host's key is not known or has changed; log in once by hand: 'ssh HOST'"
        } else if lower.contains("permission denied") || lower.contains("authentication failures") {
            hint = "is the right key in ssh-agent or named by 'IdentityFile' in ~/.ssh/config?"
        } else if lower.contains("subsystem") {
            hint = "the server offers no SFTP; whoever runs it can switch it on ('Subsystem sftp internal-sftp')"
        } else if lower.contains("could not resolve") {
            code = .io
            hint = "is the host's name right?"
        } else {
            if lower.contains("connection") { code = .io }
            hint = "does 'ssh' to that host work, and print nothing by itself?"
        }
        return MLError(code, "cannot talk SFTP to \(name)\(words.isEmpty ? "" : ": \(words)")", hint: hint)
    }
}
