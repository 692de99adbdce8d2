import Base
import Dispatch
import Glibc

/// What a service writes down: a line of JSON a request, and one for each prediction of a sample.
public struct ServiceJournal: Sendable {
    /// What the prediction log says of a text.
    public enum Texts: String, Sendable, CaseIterable {
        /// Its hash and length.
        case hash
        /// The text, with what points to a person blotted out.
        case redacted
        /// All of it.
        case full
    }

    public var accessLog: RotatingLog?
    public var predictionLog: RotatingLog?
    public var texts = Texts.hash
    /// The share of predictions that are logged, 0 to 1.
    public var sample = 1.0
    /// Takes what went wrong inside.
    public var complain: @Sendable (String) -> Void
    private let metrics: ServiceMetrics

    public init(metrics: ServiceMetrics, complain: @escaping @Sendable (String) -> Void) {
        self.metrics = metrics
        self.complain = complain
    }

    func access(
        _ request: ServedRequest, _ reply: ServedReply, version: String, _ identity: RequestIdentity,
        seconds: Double
    ) {
        guard let accessLog else { return }
        var line: JSONObject = [
            "time": .string(ServiceJournal.time()), "client": .string(request.client),
            "method": .string(String(request.method.prefix(16))), "path": .string(String(request.path.prefix(200))),
            "status": JSON(reply.status), "bytes_in": JSON(request.body.count), "bytes_out": JSON(reply.body.count),
            "seconds": JSON((seconds * 1e6).rounded() / 1e6), "version": .string(version),
            "request_id": .string(identity.id),
        ]
        if let trace = identity.trace { line["trace_id"] = .string(trace) }
        write(.object(line), to: accessLog)
    }

    func prediction(
        _ text: String, _ row: [Double], _ best: Int, _ generation: Generation, _ identity: RequestIdentity
    ) {
        guard let predictionLog, sample >= 1 || Double.random(in: 0..<1) < sample else { return }
        var line: JSONObject = [
            "time": .string(ServiceJournal.time()), "request_id": .string(identity.id),
            "version": .string(generation.version), "label": .string(generation.labels[best]),
            "score": JSON(row[best]), "characters": JSON(text.count),
        ]
        switch texts {
        case .hash: line["text_sha256"] = .string(ObjectID.of(Array(text.utf8)).hex)
        case .redacted: line["text"] = .string(Redaction.of(text))
        case .full: line["text"] = .string(text)
        }
        write(.object(line), to: predictionLog)
    }

    func failure(_ error: any Error, _ identity: RequestIdentity) {
        complain("request \(identity.id): \((error as? MLError)?.message ?? "\(error)")")
    }

    /// A log that cannot be written is counted, and never keeps an answer back.
    private func write(_ line: JSON, to log: RotatingLog) {
        do { try log.write(line.compact() + "\n") } catch { metrics.logFailed() }
    }

    /// The moment to the microsecond.
    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let digits = String(now.tv_nsec / 1000)
        let stamp = Timestamp(seconds: Int64(now.tv_sec)).description.dropLast()
        return stamp + "." + String(repeating: "0", count: 6 - digits.count) + digits + "Z"
    }
}

/// A log file that starts anew when it is full; the older ones are `FILE.1`, `FILE.2` and so on.
public final class RotatingLog: @unchecked Sendable {
    private let path: String?
    private let limit: Int64
    private let kept: Int
    private let mutex = Mutex()
    private var file: FileHandle
    private var size: Int64

    /// - Parameters:
    ///   - path: `-` for standard error.
    ///   - limit: bytes of one file.
    ///   - kept: older files that stay.
    public init(_ path: String, limit: Int64 = 64 << 20, kept: Int = 5) throws {
        self.limit = limit
        self.kept = kept
        if path == "-" {
            self.path = nil
            file = FileHandle(borrowing: 2, path: "standard error")
            size = 0
            return
        }
        self.path = path
        file = try FileHandle(updating: path, mode: 0o600)
        size = try file.status().size
        try file.seek(to: size)
    }

    func write(_ line: String) throws {
        let bytes = Array(line.utf8)
        try mutex.withLock {
            if let path, size > 0, size + Int64(bytes.count) > limit {
                try file.close()
                for number in stride(from: kept - 1, through: 1, by: -1) where Files.exists("\(path).\(number)") {
                    try Files.rename("\(path).\(number)", to: "\(path).\(number + 1)")
                }
                // It is gone already when the disk was too full for the new one.
                if Files.exists(path) { try Files.rename(path, to: "\(path).1") }
                file = try FileHandle(updating: path, mode: 0o600)
                size = 0
            }
            do { try file.writeAll(bytes) } catch {
                // On a full disk half a line may have been written.
                if path != nil {
                    try? file.truncate(to: size)
                    try? file.seek(to: size)
                }
                throw error
            }
            size += Int64(bytes.count)
        }
    }
}
