"""conntrack"""
