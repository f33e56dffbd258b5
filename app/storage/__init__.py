"""Where photos lie: one port over a local folder and S3-compatible buckets (MinIO, SeaweedFS, Tencent COS)."""
