"""Which file a reference means, as the runtime would decide: configuration, frameworks, trusted assemblies, closure."""
