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
        /// Lets it answer before anybody else asks.
        public var check: () throws -> Void

        public init(name: String, predictor: any Predictor, check: @escaping () throws -> Void) {
            self.name = name
            self.predictor = predictor
            self.check = check
        }
    }

    /// Serves until the other side is gone. Nothing of this process may have started a thread before.
    ///
    /// - Parameters:
    ///   - isShared: false opens the model in each replica anew, for one that is more than memory.
    ///   - open: opens the model.
    public static func run(isShared: Bool, _ open: () throws -> Model) {
        let control = FrameSocket(3)
        _ = fcntl(3, F_SETFD, FD_CLOEXEC)
        // Whoever ends the server decides when its replicas end: after the requests under way.
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_IGN) }
        signal(SIGCHLD, SIG_IGN)
        var shared: Result<Model, any Error>?
        if isShared { shared = Result { try open() } }
        while true {
            let descriptor = gitml_receive_descriptor(control.descriptor)
            guard descriptor >= 0 else { return }
            let child = gitml_fork()
            if child == 0 {
                gitml_end_with_parent()
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
        let hello: JSON = [
            "process": JSON(Int(getpid())), "model": .string(model.name), "labels": JSON(model.predictor.labels),
        ]
        do {
            try socket.write(Array(hello.compact().utf8))
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
