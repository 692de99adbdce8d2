import Base

/// What training does besides: none of it changes the model.
public struct TrainingOptions {
    /// Reads files that the specification names: vectors, pretrained encoders.
    public var read: (String) throws -> [UInt8] = { try Files.read($0) }
    /// Called every `log_every` steps with loss, step size and the gradients' length.
    public var onStep: ((JSON) throws -> Void)?
    /// Called after each epoch with the epoch's number, from 1, and the model as it is then.
    public var onEpoch: ((Int, TextModel) throws -> Void)?
    /// A file that training is saved to after each epoch, and resumed from.
    public var checkpoint: String?
    /// Steps between checkpoints within an epoch.
    public var checkpointEvery: Int?
    /// Stops after so many steps, after a checkpoint.
    public var maximumSteps: Int?

    public init() {}
}
