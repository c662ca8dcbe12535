"""What the tests share: real inputs, the C# and IL toolchain, and the differential harness."""
