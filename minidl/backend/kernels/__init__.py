"""What array libraries lack, or do slowly: generic bodies in plain `xp`, which are the specifications."""
