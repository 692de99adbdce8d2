import Base
import Glibc

/// An HTTP exchange that is tried again when the line breaks or the server asks for time.
struct PatientRequest {
    /// How often a request is sent before its failure is final.
    var tries = 5
    /// The longest wait that a server may ask for, in seconds.
    var longestWait = 120.0

    /// Answers that are about the moment and not about the request (RFC 9110, section 15; RFC 6585, section 4).
    private static let passing: Set<Int> = [408, 429, 500, 502, 503, 504]

    /// Answers that deserve another try though their status alone does not say so.
    var alsoPassing: @Sendable (HTTPRequest.Answer) -> Bool = { _ in false }

    /// - Parameter make: the request; called for each try.
    /// - Throws: `MLError(.io)` when no answer came. An answer of any status is returned.
    func send(_ make: () throws -> HTTPRequest) throws -> HTTPRequest.Answer {
        var backoff = Backoff()
        for attempt in 1... {
            let isLast = attempt >= tries
            switch try make().perform() {
            case .answer(let answer):
                guard !isLast, PatientRequest.passing.contains(answer.status) || alsoPassing(answer) else {
                    return answer
                }
                Trace.note("again (\(attempt)) after status \(answer.status)")
                guard pause(&backoff, after: answer) else { return answer }
            case .failure(_, let error):
                guard !isLast else { throw error }
                Trace.note("again (\(attempt)) after: \(error)")
                backoff.pause()
            }
        }
        throw MLError(.io, "no answer")
    }

    /// Waits as long as the server asks, or as the backoff says.
    ///
    /// - Returns: false when the server asks for more than anybody would wait.
    func pause(_ backoff: inout Backoff, after answer: HTTPRequest.Answer) -> Bool {
        guard let seconds = answer.headers["retry-after"].flatMap(PatientRequest.seconds) else {
            backoff.pause()
            return true
        }
        guard seconds <= longestWait else { return false }
        usleep(useconds_t(max(0, seconds) * 1_000_000))
        return true
    }

    /// The value of `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
    private static func seconds(_ text: String) -> Double? {
        Double(text) ?? Timestamp(httpDate: text).map { Double(max(0, $0.seconds - Timestamp.now().seconds)) }
    }
}
