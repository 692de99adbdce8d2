import Base
import CPlatform
import Glibc

/// The other side of a `ReplicaPool`: a process of one thread that opens a model once and then makes copies of itself, so that
/// replicas start in milliseconds and share the model's pages.
///
/// Over descriptor 3 it is sent one end of a socket for each replica. The replica says hello over it, or why it cannot, and
/// then answers frames of texts with frames of probabilities until the socket is closed.
public enum ReplicaHost {
    /// What a replica needs to answer.
    public struct Model {
        public var name: String
        public var predictor: any Predictor
        /// What its predictions are compared with, for the server to know.
        public var reference: JSON?
        /// Whether it is nothing but memory.
        public var isShareable: Bool
        /// Lets it answer before anybody else asks.
        public var check: () throws -> Void

        public init(
            name: String, predictor: any Predictor, reference: JSON? = nil, isShareable: Bool,
            check: @escaping () throws -> Void
        ) {
            self.name = name
            self.predictor = predictor
            self.reference = reference
            self.isShareable = isShareable
            self.check = check
        }
    }

    /// Serves until the other side is gone. Nothing of this process may have started a thread before.
    ///
    /// - Parameters:
    ///   - opensOnce: false for a model that is known to be a program, which each replica needs for itself.
    ///   - open: opens the model; called again in each replica for one that cannot be shared.
    public static func run(opensOnce: Bool, _ open: () throws -> Model) {
        let control = FrameSocket(3)
        _ = fcntl(3, F_SETFD, FD_CLOEXEC)
        // Whoever ends the server decides when its replicas end: after the requests under way.
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) }
        signal(SIGCHLD, SIG_IGN)
        var shared: Result<Model, any Error>?
        if opensOnce { shared = Result { try open() } }
        if case .success(let model)? = shared, !model.isShareable { shared = nil }
        while true {
            let descriptor = gitml_receive_descriptor(control.descriptor)
            guard descriptor >= 0 else { return }
            let child = gitml_fork()
            if child == 0 {
                gitml_end_with_parent()
                // A group of its own, with the programs it starts: they are ended together.
                setpgid(0, 0)
                signal(SIGCHLD, SIG_DFL)
                close(control.descriptor)
                answer(FrameSocket(descriptor)) { try shared?.get() ?? open() }
                fflush(nil)
                _exit(0)
            }
            close(descriptor)
        }
    }

    private static func answer(_ socket: FrameSocket, _ open: () throws -> Model) {
        let model: Model
        do {
            model = try open()
            try model.check()
        } catch {
            let words = (error as? MLError)?.message ?? "\(error)"
            try? socket.write(Array((["error": .string(words)] as JSON).compact().utf8))
            return
        }
        var hello: JSONObject = [
            "process": JSON(Int(getpid())), "model": .string(model.name), "labels": JSON(model.predictor.labels),
        ]
        if let reference = model.reference { hello["reference"] = reference }
        let vocabulary = model.predictor as? any VocabularyPredictor
        do {
            try socket.write(Array(JSON.object(hello).compact().utf8))
            while true {
                var question = FrameReader(try socket.read())
                let texts = try (0..<question.number()).map { _ in try question.text() }
                var answer = FrameWriter()
                do {
                    let rows = try model.predictor.predict(texts)
                    answer.bytes.append(0)
                    answer.number(rows.count)
                    answer.number(model.predictor.labels.count)
                    for row in rows { answer.values(row) }
                    let words = vocabulary.map { vocabulary in texts.compactMap { vocabulary.words(in: $0) } } ?? []
                    answer.bytes.append(words.isEmpty ? 0 : 1)
                    answer.number(words.reduce(0) { $0 + $1.all })
                    answer.number(words.reduce(0) { $0 + $1.unknown })
                } catch {
                    answer.bytes = [1]
                    answer.text((error as? MLError)?.message ?? "\(error)")
                }
                try socket.write(answer.bytes)
            }
        } catch {
            // The server has closed the socket: it needs this replica no more.
        }
    }
}
